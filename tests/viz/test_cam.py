"""Grad-CAM against finite differences, and the fusion's weights against its output."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.viz.cam import feature_gradients, fusion_weights, list_fusion_blocks, look, trunk_pooling

from ..nn.test_fusion import SHAPE, randomized

NETWORKS = (
    ("cifar_resnet8_askc", {"fusion": "AFF", "classes": 5}),
    ("cifar_resnext11_32x4d_askc", {"fusion": "iAFF", "use_se": True, "classes": 5}),
    ("resnet50_v1b_askc", {"fusion": "AFF", "classes": 5}),
)


def network(name, kwargs):
    mx.random.seed(3)
    net = aff.get_model(name, ctx=mx.cpu(), **kwargs)
    for parameter in net.collect_params().values():
        if parameter.name.endswith("gamma"):
            parameter.set_data(mx.nd.random.uniform(0.5, 1.5, parameter.shape))
    return net


@pytest.mark.numeric
@pytest.mark.parametrize("name, kwargs", NETWORKS)
def test_gradients_against_finite_differences(name, kwargs):
    net = network(name, kwargs)
    data = mx.nd.random.normal(shape=(2, 3, 32, 32))
    features, gradients, logits, targets = feature_gradients(net, data)
    assert features.shape == gradients.shape
    np.testing.assert_array_equal(targets, logits.argmax(axis=1))
    rng = np.random.default_rng(0)
    direction = rng.standard_normal(features.shape).astype(np.float32)
    step = 1e-2 * np.abs(features).max()

    def score(sign):
        def move(_, inputs):
            inputs[0][:] = inputs[0] + sign * step * mx.nd.array(direction)

        handle = trunk_pooling(net).register_forward_pre_hook(move)
        found = net(data).asnumpy()
        handle.detach()
        return found[np.arange(2), targets].sum()

    difference = (score(1) - score(-1)) / (2 * step)
    assert difference == pytest.approx((gradients * direction).sum(), rel=0.02, abs=1e-3)


def test_another_class_may_be_asked_about():
    net = network(*NETWORKS[0])
    data = mx.nd.random.normal(shape=(2, 3, 32, 32))
    (first, second) = look(net, data, np.array([4, 1]))
    assert (first.target, second.target) == (4, 1)
    assert 0 < first.probability < 1
    assert first.cam.shape == (8, 8)
    for view in (first, second):
        assert view.cam.min() >= 0
        assert view.cam.max() in (0, pytest.approx(1))


@pytest.mark.parametrize(
    "fusion", [name for name in aff.list_fusions() if name not in ("DirectAdd", "Concat")]
)
def test_the_weight_is_the_one_that_joins(fusion):
    block = randomized(fusion)
    x, residual = (mx.nd.random.normal(shape=SHAPE) for _ in range(2))
    w = block.weight(x, residual)
    assert w.shape == x.shape
    assert 0 <= w.min().asscalar() < w.max().asscalar() <= 1
    factor = 1 if fusion == "ResGlobLocaforGlobLocaCha" else 2
    expected = {
        "SEFuse": residual + w * x,
        "XplusAYforY": residual + w * x,
        "GAUFuse": w * residual + x,
        "AYforXplusY": w * residual + x,
        "AXYforXplusY": w * residual + x,
        "AXYforXY": w * (x + residual),
    }.get(fusion, factor * (w * x + (1 - w) * residual))
    np.testing.assert_allclose(
        block(x, residual).asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5
    )
    weighed = {
        "the body": "SEFuse XplusAYforY",
        "the shortcut": "GAUFuse AYforXplusY AXYforXplusY",
        "both": "AXYforXY",
    }
    found = [text for text, names in weighed.items() if fusion in names.split()]
    assert block.weighs == (found or ["the body"])[0]


def test_every_fusion_of_a_network_is_found():
    net = network(*NETWORKS[0])
    names = [name for name, _ in list_fusion_blocks(net)]
    assert names == [f"features.{stage}.0.attention" for stage in (2, 3, 4)]
    maps = fusion_weights(net, mx.nd.random.normal(shape=(2, 3, 32, 32)))
    assert [maps[name].shape for name in names] == [(2, 32, 32), (2, 16, 16), (2, 8, 8)]
    added = network("cifar_resnet8_askc", {"fusion": "Add"})
    assert fusion_weights(added, mx.nd.zeros((1, 3, 32, 32))) == {}


def test_no_hook_is_left():
    net = network(*NETWORKS[0])
    data = mx.nd.random.normal(shape=(1, 3, 32, 32))
    look(net, data)
    blocks = [trunk_pooling(net), *(block for _, block in list_fusion_blocks(net))]
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in blocks)


def test_a_network_without_pooling_is_refused():
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(3))
    with pytest.raises(aff.InputError, match="no global pooling"):
        trunk_pooling(net)
