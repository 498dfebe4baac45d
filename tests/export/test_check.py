"""The check tells networks that are the same from ones that are not."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.export.check import BATCHES, TOLERANCE, check_inputs, compare
from aff.export.source import describe_source
from aff.models.parameters import save_parameters

KWARGS = {"fusion": "ASKCFuse", "classes": 10}
MODEL = "cifar_resnet8_askc"


@pytest.fixture
def network(tmp_path):
    """What builds a network for digits, its source, and what it computes."""
    path = str(tmp_path / "it.params")
    mx.random.seed(0)
    save_parameters(aff.get_model(MODEL, ctx=mx.cpu(), **KWARGS), path)

    def build():
        net = aff.get_model(MODEL, ctx=mx.cpu(), **KWARGS)
        aff.load_parameters(net, path)
        return net

    source = describe_source("it", MODEL, KWARGS, path, dataset="digits")
    net = build()
    return build, source, lambda x: net(mx.nd.array(x)).asnumpy()


def test_inputs_are_test_images_of_the_data_set_in_several_batches(network):
    batches, told = check_inputs(network[1])
    assert [len(batch) for batch in batches] == list(BATCHES) and sum(BATCHES) >= 16
    assert told == "test images of digits"
    pixels = np.concatenate(batches) * np.array(0.3239) + 0.3053
    np.testing.assert_allclose(255 * pixels, np.rint(255 * pixels), atol=1e-3)


@pytest.mark.parametrize("dataset, size", [(None, 24), ("cifar10", 32), ("imagenet", 40)])
def test_inputs_are_noise_of_both_signs_where_there_are_no_images(
    dataset, size, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    model = "resnet50_v1b_askc" if dataset == "imagenet" else MODEL
    source = describe_source("it", model, KWARGS, "none", dataset=dataset, input_size=size)
    batches, told = check_inputs(source)
    data = np.concatenate(batches)
    assert told == "noise" and data.shape == (16, 3, size, size)
    assert data.min() < -1.5 and data.max() > 1.5
    assert list(tmp_path.iterdir()) == []  # nothing was fetched


def test_the_same_network_passes(network):
    build, source, theirs = network
    check = compare(build(), theirs, source)
    assert check.passed and check.absolute == 0 and check.agreement == 1


def off_by(theirs, part):
    """The network with one logit of one image wrong by a part of the largest."""

    def run(x):
        logits = theirs(x).copy()
        if len(logits) == max(BATCHES):
            logits[3, 5] += part * run.largest
        return logits

    run.largest = 0.0
    return run


@pytest.mark.parametrize("float16", [False, True])
def test_one_wrong_logit_fails(network, float16):
    build, source, theirs = network
    tolerance = TOLERANCE["float16" if float16 else "float32"]
    largest = max(np.abs(theirs(batch)).max() for batch in check_inputs(source)[0])
    for part in (0.5, 1.5):
        wrong = off_by(theirs, part * tolerance)
        wrong.largest = largest
        check = compare(build(), wrong, source, float16)
        assert check.passed == (part < 1)
        assert check.relative == pytest.approx(part * tolerance, rel=0.05)


def test_values_that_are_not_finite_fail(network):
    build, source, theirs = network
    check = compare(build(), lambda x: theirs(x) * np.nan, source)
    assert not check.passed and "FAILED" in check.line()


def test_another_number_of_outputs_is_an_error(network):
    build, source, theirs = network
    with pytest.raises(aff.InputError, match=r"\(16, 9\)"):
        compare(build(), lambda x: theirs(x)[:, :9], source)


@pytest.fixture
def amplifying(network):
    """A network whose logits are small differences of large values."""
    build, source, _ = network

    def large():
        net = build()
        net.output.bias.set_data(mx.nd.full((10,), 3e4))
        inner = net.output.hybrid_forward
        net.output.hybrid_forward = lambda F, x, **kw: inner(F, x, **kw) - 3e4
        return net

    double = large()
    double.cast("float64")
    return large, source, lambda x: double(mx.nd.array(x, dtype="float64")).asnumpy()


def test_a_network_that_amplifies_rounding_is_compared_in_float64(amplifying):
    build, source, exact = amplifying
    rounded = lambda x: exact(x).astype(np.float32) + np.float32(1e-3)  # noqa: E731
    check = compare(build(), rounded, source, theirs_in_double=exact)
    assert check.compared_in == "float64" and check.passed and check.relative < 1e-12
    assert "amplifies rounding" in check.line()
    check = compare(build(), rounded, source)  # a runtime without float64
    assert check.passed and "against our float64" in check.compared_in
    check = compare(build(), lambda x: exact(x) * 1.1, source)
    assert not check.passed
