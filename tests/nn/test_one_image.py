"""One image a batch in training is warned of, once."""

import warnings

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.parts import freeze
from aff.nn import one_image


@pytest.fixture(autouse=True)
def untold(monkeypatch):
    monkeypatch.setattr(one_image, "_TOLD", {"once": False})


def said(block, *shapes, training=True):
    """What is warned of while a block is called twice."""
    inputs = [mx.nd.random.normal(shape=shape) for shape in shapes]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            with mx.autograd.record(train_mode=training):
                block(*inputs)
    return [str(item.message) for item in caught if "one image" in str(item.message)]


def fusion(name="AFF", **kwargs):
    block = aff.create_fusion(name, 8, **kwargs)
    block.initialize()
    return block


ONE, TWO = (1, 8, 4, 4), (2, 8, 4, 4)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("name", ["AFF", "iAFF", "SKFuse", "ResGlobCha", "Half-AFF"])
def test_a_fusion_warns_once_and_names_the_ways_out(name, hybrid):
    block = fusion(name)
    block.hybridize(hybrid)
    (text,) = said(block, ONE, ONE)
    assert "norm_layer" in text and "freeze" in text


def test_of_what_the_batchnorm_makes_of_one_value():
    """The trouble is there: the global branch is the same for any image."""
    branch = fusion().global_att
    with mx.autograd.record():
        first, second = (branch(mx.nd.random.normal(shape=ONE)).asnumpy() for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_network_warns(hybrid):
    net = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu())
    net.hybridize(hybrid)
    (text,) = said(net, (1, 3, 8, 8))
    assert "features.2.0.attention.global_att" in text


@pytest.mark.parametrize("made", [{"ndim": 1}, {"inputs": 3}])
def test_of_other_features(made):
    block = fusion(**made)
    shape = ONE if "inputs" in made else (1, 8, 4)
    assert len(said(block, *[shape] * made.get("inputs", 2))) == 1


def test_ms_cam_warns():
    block = aff.MSCAM(8)
    block.initialize()
    assert len(said(block, ONE)) == 1


@pytest.mark.parametrize(
    "block",
    [
        lambda: fusion("Add"),
        lambda: fusion("ResLocaLocaCha"),
        lambda: fusion("Concat"),
        lambda: fusion(norm_kwargs={"use_global_stats": True}),
        lambda: fusion(norm_layer=mx.gluon.nn.LayerNorm, norm_kwargs={"axis": 1}),
        lambda: fusion(norm_layer=mx.gluon.nn.GroupNorm),
    ],
)
def test_where_there_is_no_trouble(block):
    assert not said(block(), ONE, ONE)


def test_more_images_and_inference_are_no_trouble():
    assert not said(fusion(), TWO, TWO)
    assert not said(fusion(), ONE, ONE, training=False)


def test_a_frozen_network_is_no_trouble():
    net = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu())
    freeze(net, ["backbone"])
    assert not said(net, (1, 3, 8, 8))


def test_the_ways_out_see_the_image():
    mx.random.seed(0)  # two of a bottleneck's channels: some images are alike to them
    kwargs = {"norm_layer": mx.gluon.nn.LayerNorm, "norm_kwargs": {"axis": 1}}
    branch = fusion(**kwargs).global_att
    with mx.autograd.record():
        first, second = (branch(mx.nd.random.normal(shape=ONE)).asnumpy() for _ in range(2))
    assert abs(first - second).max() > 1e-2
