"""Accumulated gradients: those of the large batch, and of as many devices."""

import mxnet as mx
import numpy as np
import pytest

from aff.models.parts import freeze
from aff.training.batching import batch_arguments
from aff.training.config import TrainConfig
from aff.training.trainer import Trainer
from aff.utils.errors import RunError

from .helpers import mixed_batches, parameters, small_network, small_trainer
from .recipes import assert_resumes_exactly
from .test_amp import ScaledFloat32


def learned(data, accumulate, **settings):
    """Parameters after two epochs, without BatchNorm's statistics."""
    trainer = small_trainer(frozen_bn=True, accumulate=accumulate, **settings)
    stats = [trainer.train_epoch(mixed_batches(data).epoch(epoch), epoch) for epoch in range(2)]
    found = {name: value for name, value in parameters(trainer).items() if "running" not in name}
    return stats[-1], found


def assert_close(found, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=2e-5, err_msg=name)


@pytest.mark.numeric
@pytest.mark.parametrize("accumulate", [2, 3])
@pytest.mark.parametrize(
    "settings", [{}, {"devices": 2}, {"precision": "scaled"}], ids=["one", "two", "scaled"]
)
def test_micro_batches_together_do_what_the_large_batch_does(tiny_data, accumulate, settings):
    """But for BatchNorm, which takes its statistics from a micro-batch: here it stands still."""

    def of(count):
        scaled = {"precision": ScaledFloat32()} if "precision" in settings else {}
        return learned(tiny_data, count, **{**settings, **scaled})

    (large, expected), (small, found) = of(1), of(accumulate)
    assert small.loss == pytest.approx(large.loss, rel=1e-5)
    assert small.metric == pytest.approx(large.metric, rel=1e-5)
    assert_close(found, expected)


@pytest.mark.numeric
def test_one_device_twice_is_two_devices(tiny_data):
    """BatchNorm and all: each half of a batch has its own statistics, and is mixed by itself."""
    loader = mixed_batches(tiny_data)
    two, twice = small_trainer(devices=2), small_trainer(accumulate=2)
    batch = next(iter(loader.epoch(0)))
    for trainer in (two, twice):
        trainer.train_epoch([batch], 0)
    running = {name for name in parameters(two) if "running" in name}
    assert running
    for name, value in parameters(two).items():
        if name not in running:
            np.testing.assert_allclose(
                parameters(twice)[name], value, rtol=1e-4, atol=1e-5, err_msg=name
            )


def test_a_batch_is_made_as_for_so_many_devices():
    plain, four = TrainConfig(), TrainConfig(grad_accum_steps=4)
    assert batch_arguments(four, 2, 3) == batch_arguments(plain, 8, 3)
    assert batch_arguments(plain, 2)["batch_size"] == 256


def test_what_is_frozen_stays_without_gradients(tiny_data):
    net = small_network()
    freeze(net, ["stem", "stage1"])
    still = {n for n, p in net._collect_params_with_prefix().items() if p.grad_req == "null"}
    trainer = Trainer(net, [mx.cpu()], lambda step: 0.1, accumulate=2)
    assert still == {
        n for n, p in net._collect_params_with_prefix().items() if p.grad_req == "null"
    }
    before = parameters(trainer)
    trainer.train_epoch(mixed_batches(tiny_data).epoch(0), 0)
    after = parameters(trainer)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved and not {name for name in still & moved if "running" not in name}


def test_gradients_of_both_number_formats_start_from_zero():
    parameter, half = (mx.gluon.Parameter(name, shape=(3,)) for name in "ph")
    half.cast("float16")
    together = mx.gluon.ParameterDict()
    together.update({"p": parameter, "h": half})
    together.initialize(mx.init.One())
    for one in (parameter, half):
        one.grad_req = "add"
        for _ in range(2):
            with mx.autograd.record():
                loss = (one.data() * 2).sum()
            loss.backward()
        assert (one.grad().asnumpy() == 4).all()
    together.zero_grad()
    assert not parameter.grad().asnumpy().any() and not half.grad().asnumpy().any()


def test_the_micro_batch_that_is_not_finite_stops_the_run(tiny_data):
    batches = list(mixed_batches(tiny_data).epoch(0))
    batches[1][0][-1] = np.nan
    with pytest.raises(RunError, match="not finite at epoch 0, step 1"):
        small_trainer(accumulate=3).train_epoch(batches, 0)


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_resumes_exactly(tiny_data, tmp_path, devices):
    assert_resumes_exactly(tiny_data, tmp_path, devices=devices, grad_accum_steps=2)
