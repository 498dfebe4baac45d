"""Parts of networks by name, and freezing them."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon

import aff
from aff.models.parameters import average_statistics
from aff.models.parts import freeze, is_running_statistic, parameter_names

from ..conftest import has_no_gradient

NETWORKS = {
    "cifar_resnet14_askc": {"stages": 3, "output": "output."},
    "cifar_resnext11_32x4d_askc": {"stages": 3, "output": "output."},
    "cifar_inception8_askc": {"stages": 3, "output": "output."},
    "resnet50_v1b_askc": {"stages": 4, "output": "fc."},
    "resnext50_32x4d_askc": {"stages": 4, "output": "output."},
}


def small(fusion="AFF", ctx=None, **kwargs):
    return aff.get_model(
        "cifar_resnet8_askc", fusion=fusion, classes=3, ctx=ctx or mx.cpu(), **kwargs
    )


def values(net):
    return {
        name: parameter.data(parameter.list_ctx()[0]).asnumpy()
        for name, parameter in net._collect_params_with_prefix().items()
    }


def train(net, steps=3, devices=None, lr=0.1):
    devices = devices or [mx.cpu()]
    trainer = gluon.Trainer(net.collect_params(), "nag", {"learning_rate": lr, "wd": 1e-2})
    rng = np.random.default_rng(0)
    for _ in range(steps):
        with autograd.record():
            losses = [
                (net(mx.nd.array(rng.normal(size=(4, 3, 16, 16)), ctx=device)) ** 2).sum()
                for device in devices
            ]
        autograd.backward(losses)
        trainer.step(4)


@pytest.mark.parametrize("name", NETWORKS)
def test_parts_are_all_parameters_but_the_output_layers_each_once(name):
    net = aff.get_model(name)
    parts = parameter_names(net)
    stages = NETWORKS[name]["stages"]
    assert list(parts) == ["stem", *(f"stage{number}" for number in range(1, stages + 1))]
    named = [parameter for part in parts.values() for parameter in part]
    assert len(named) == len(set(named))
    others = set(net._collect_params_with_prefix()) - set(named)
    assert others and all(other.startswith(NETWORKS[name]["output"]) for other in others)
    assert any(".attention." in parameter for parameter in parts[f"stage{stages}"])


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("fusion", ["AFF", "iAFF", "SKFuse"])
def test_what_is_frozen_stands_still_to_the_bit(fusion, hybrid):
    net = small(fusion)
    train(net, 2)
    freeze(net, ["stem", "stage1", "stage2"])
    if hybrid:
        net.hybridize(static_alloc=True)
    before = values(net)
    train(net)
    after, parts = values(net), parameter_names(net)
    still = {name for part in ("stem", "stage1", "stage2") for name in parts[part]}
    for name, value in after.items():
        alike = fusion in ("AFF", "iAFF") and has_no_gradient(name)
        assert (value == before[name]).all() == (name in still or alike), name


def test_freezing_after_a_network_was_compiled_takes_effect():
    net = small()
    net.hybridize(static_alloc=True)
    train(net, 1)
    freeze(net, ["backbone"])
    before = values(net)
    train(net)
    changed = {name for name, value in values(net).items() if (value != before[name]).any()}
    assert changed == {"output.weight", "output.bias"}


def test_a_frozen_batchnorm_computes_in_training_what_it_computes_in_inference():
    net = small()
    train(net, 3)
    freeze(net, ["backbone"])
    data = mx.nd.array(np.random.default_rng(1).normal(size=(4, 3, 16, 16)))
    inference = net(data).asnumpy()
    with autograd.train_mode():
        training = net(data).asnumpy()
    np.testing.assert_allclose(training, inference, rtol=1e-4, atol=1e-5)


def test_means_over_devices_leave_what_is_frozen_alone():
    devices = [mx.cpu(number) for number in range(3)]
    net = small(ctx=devices)
    freeze(net, ["stem", "stage1"])
    before = values(net)
    train(net, 2, devices)
    average_statistics(net)
    parameters = net._collect_params_with_prefix()
    for name in (*parameter_names(net)["stem"], *parameter_names(net)["stage1"]):
        assert not is_running_statistic(parameters[name])
        for device in devices:
            assert (parameters[name].data(device).asnumpy() == before[name]).all()


@pytest.mark.parametrize("count", [2, 3, 6, 7, 8])
def test_means_of_means_are_the_same_to_the_last_bit(count):
    """A run that was stopped in the evaluation of an epoch takes them a second time."""
    net = small(ctx=[mx.cpu(number) for number in range(count)])
    rng = np.random.default_rng(count)
    drawn = {}
    for name, parameter in net._collect_params_with_prefix().items():
        if is_running_statistic(parameter):
            drawn[name] = rng.normal(size=(count, *parameter.shape)).astype(np.float32)
            for value, array in zip(drawn[name], parameter.list_data()):
                array[:] = value
    average_statistics(net)
    first = values(net)
    for name, each in drawn.items():
        np.testing.assert_allclose(first[name], each.mean(axis=0), atol=1e-6)
    average_statistics(net)
    for name, value in values(net).items():
        np.testing.assert_array_equal(value, first[name])


def test_an_unknown_part_is_refused_by_name():
    with pytest.raises(aff.InputError, match="stage9.*stage1"):
        freeze(small(), ["stage9"])
