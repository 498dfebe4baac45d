"""BatchNorm and relu in one native operator compute what mxnet's two compute in float64."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mxnet import autograd
from mxnet.gluon import HybridBlock, nn

import aff
from aff.nn.native import operator

pytestmark = pytest.mark.skipif(bool(operator.why_not()), reason=operator.why_not() or "-")


class Native(HybridBlock):
    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def hybrid_forward(self, F, x):
        return operator.normalize_and_activate(F, self.norm, x)


def computed(native, x, cotangent, training, **kwargs):
    """Output, gradients of the input, of gamma and of beta, running mean and variance."""
    dtype = "float32" if native else "float64"
    norm = nn.BatchNorm(in_channels=x.shape[1], **kwargs)
    norm.initialize()
    norm.cast(dtype)
    rng = np.random.default_rng(1)
    values = {"gamma": (1, 0.4), "beta": (0, 0.5), "running_mean": (0, 1), "running_var": (2, 0.3)}
    for name, (middle, spread) in values.items():
        parameter = getattr(norm, name)
        drawn = middle + spread * rng.uniform(-1, 1, parameter.shape)
        parameter.set_data(mx.nd.array(drawn, dtype=dtype))
    data = mx.nd.array(x, dtype=dtype)
    data.attach_grad()
    with autograd.record(train_mode=training):
        output = Native(norm)(data) if native else mx.nd.relu(norm(data))
    output.backward(mx.nd.array(cotangent, dtype=dtype), train_mode=training)
    found = [output, data.grad, norm.gamma.grad(), norm.beta.grad()]
    found += [norm.running_mean.data(), norm.running_var.data()]
    return [array.asnumpy().astype("float64") for array in found]


shapes = st.tuples(st.integers(1, 5), st.integers(1, 19), st.integers(1, 20), st.integers(1, 20))


@settings(max_examples=40, deadline=None)
@given(shapes, st.booleans(), st.sampled_from([{}, {"momentum": 0.5, "epsilon": 1e-3}]))
@example((1, 3, 1, 1), True, {})
@example((2, 3, 17, 61), True, {})
def test_it_computes_the_two(shape, training, kwargs):
    rng = np.random.default_rng(0)
    x, cotangent = rng.normal(size=(2, *shape))
    found, wanted = (computed(native, x, cotangent, training, **kwargs) for native in (True, False))
    # The derivative of a BatchNorm is as large as 1 / sqrt(variance + eps).
    slope = 1 / np.sqrt(x.var(axis=(0, 2, 3)).min() + 1e-5) if training else 1
    for array, other in zip(found, wanted):
        np.testing.assert_allclose(array, other, rtol=1e-4, atol=1e-5 * max(1, slope))


@pytest.mark.parametrize("middle", [0, 1e3])
def test_a_mean_far_from_zero_costs_no_precision(middle):
    rng = np.random.default_rng(0)
    x, cotangent = rng.normal(size=(2, 4, 3, 9, 9))
    x = (x + middle).astype("float32")
    found, wanted = (computed(native, x, cotangent, True) for native in (True, False))
    for array, other in zip(found, wanted):
        np.testing.assert_allclose(array, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["x", "cotangent"])
def test_what_is_not_finite_comes_out(value, where):
    arrays = {"x": np.ones((2, 3, 4, 5)), "cotangent": np.ones((2, 3, 4, 5))}
    arrays["x"] += np.random.default_rng(0).normal(size=arrays["x"].shape)
    arrays["x"][1, 2, 3, 4] = 9  # what relu lets through
    arrays[where][1, 2, 3, 4] = value
    output, gradient, gamma, _, *running = computed(True, **arrays, training=True)
    assert not np.isfinite(gradient[:, 2]).any() and not np.isfinite(gamma[2])
    if where == "x":
        assert not np.isfinite(output[:, 2]).any() and not np.isfinite(running[1][2])
    assert np.isfinite(output[:, :2]).all()


def test_blocks_behind_native_fusions_use_it():
    for fusion, times in (("AFF", 3), ("Add", 0)):
        net = aff.get_model("cifar_resnet8_askc", fusion=fusion, ctx=mx.cpu())
        net.hybridize()
        net(mx.nd.zeros((1, 3, 16, 16)))
        assert net._cached_graph[1].tojson().count('"op": "_aff_norm_relu"') == times
