"""Grad-CAM against finite differences, and the fusion's weights against its output."""

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

import aff
from aff.nn.maps import resized
from aff.viz.cam import (
    feature_gradients,
    fusion_weights,
    last_fusions,
    list_fusion_blocks,
    look,
    stage_of,
    trunk_pooling,
    weighing_of,
)

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


@pytest.mark.parametrize("name", ["fpn_cifar_resnet8_askc", "unet_cifar_resnet8_askc"])
def test_a_segmentation_network_is_seen_by_its_pixels_and_levels(name):
    net = network(name, {"fusion": "AFF", "classes": 4, "backbone_fusion": "SEFuse"})
    data = mx.nd.random.normal(shape=(2, 3, 16, 24))
    levels = last_fusions(net)
    assert levels == ["decoder.fusions.0", "decoder.fusions.1"]
    assert [stage_of(net, path) for path in levels] == ["level 1", "level 2"]
    assert {weighing_of(net, path) for path in levels} == {"the lateral feature"}
    within = "backbone.stages.0.0.attention"
    assert (stage_of(net, within), weighing_of(net, within)) == ("stage 1, block 1", "the body")
    odds = mx.nd.softmax(net(data), axis=1).asnumpy()
    for views, targets in ((look(net, data), None), (look(net, data, np.array([3, 0])), (3, 0))):
        for number, view in enumerate(views):
            classes = odds[number].argmax(axis=0)
            counts = np.bincount(classes.ravel(), minlength=4)
            found = 1 + counts[1:].argmax() if counts[1:].any() else 0
            assert view.target == (found if targets is None else targets[number])
            assert view.probability == pytest.approx(counts[view.target] / classes.size)
            np.testing.assert_allclose(view.cam, odds[number, view.target], rtol=1e-5)
            shapes = [view.weights[path].shape for path in (*levels, within)]
            assert shapes == [(16, 24), (8, 12), (16, 24)]
    maps = net.backbone(data)
    coarse, lateral = net.decoder.lateral[2](maps[2]), net.decoder.lateral[1](maps[1])
    above = resized(mx.nd, net.decoder.narrow[1](coarse), lateral, 0, 2, net.decoder)
    weight = net.decoder.fusions[1].weight(lateral, above).asnumpy().mean(axis=1)
    np.testing.assert_allclose(views[1].weights[levels[1]], weight[1], rtol=1e-5)


def test_padding_is_not_looked_at():
    """Shares, the class that is found, and maps are the image's alone; maps as Pillow scales."""
    net = network("fpn_cifar_resnet8_askc", {"fusion": "AFF", "classes": 4})
    data = mx.nd.random.normal(shape=(1, 3, 16, 24))
    data[:, :, 11:] = data[:, :, :, 18:] = 3
    (whole,), (view,) = look(net, data), look(net, data, size=(11, 18))
    odds = mx.nd.softmax(net(data), axis=1).asnumpy()[0, :, :11, :18]
    counts = np.bincount(odds.argmax(axis=0).ravel(), minlength=4)
    assert view.target == (1 + counts[1:].argmax() if counts[1:].any() else 0)
    assert view.probability == pytest.approx(counts[view.target] / (11 * 18))
    np.testing.assert_allclose(view.cam, odds[view.target], rtol=1e-5)
    assert set(view.weights) == set(whole.weights)
    for name, found in view.weights.items():
        scaled = Image.fromarray(whole.weights[name]).resize((24, 16), Image.BILINEAR)
        np.testing.assert_allclose(found, np.asarray(scaled)[:11, :18], atol=1e-4)


def test_levels_that_add_have_no_weights():
    net = network("fpn_cifar_resnet8_askc", {"fusion": "Add", "classes": 3})
    (view,) = look(net, mx.nd.random.normal(shape=(1, 3, 8, 8)))
    assert last_fusions(net) == [] and view.weights == {} and view.cam.shape == (8, 8)
