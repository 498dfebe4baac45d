"""Feature maps and pooled vectors: of all families, of the classifier's very parameters."""

import os

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

import aff
from aff.models.features import FeatureMaps, PooledFeatures
from aff.models.registry import FAMILIES

from ..conftest import ROOT

NETWORKS = [
    ("cifar_resnet8_askc", {"channel_times": 2}, (32, 64, 128), (1, 2, 4)),
    ("cifar_resnext11_32x4d_askc", {"deep_stem": True}, (256, 512, 1024), (1, 2, 4)),
    ("cifar_inception8_askc", {}, (16, 32, 64), (1, 2, 4)),
    ("resnet50_v1b_askc", {"fusion": "Add"}, (256, 512, 1024, 2048), (4, 8, 16, 32)),
    ("resnet50_v1b_askc", {"deep_stem": True}, (256, 512, 1024, 2048), (4, 8, 16, 32)),
    ("resnext50_32x4d_askc", {"start_layer": 4}, (256, 512, 1024, 2048), (4, 8, 16, 32)),
]


def images(size, count=2):
    """Normalised noise."""
    return mx.nd.array(np.random.default_rng(0).normal(size=(count, 3, size, size)))


def test_every_family_of_classifiers_is_here():
    for family in FAMILIES:
        known = any(name in family.names() for name, *_ in NETWORKS)
        assert known or family.kind == "segmentation"


@pytest.mark.parametrize("name, kwargs, channels, strides", NETWORKS)
def test_maps_have_the_channels_and_strides_that_are_said(name, kwargs, channels, strides):
    net = aff.get_model(name, ctx=mx.cpu(), features_only=True, classes=7, **kwargs)
    assert (net.channels, net.strides) == (channels, strides)
    size = 16 * strides[-1] // 4
    for compiled in (False, True):
        net.hybridize(compiled)
        maps = net(images(size))
        assert isinstance(maps, tuple)
        expected = [(2, c, size // s, size // s) for c, s in zip(channels, strides)]
        assert [found.shape for found in maps] == expected


@pytest.mark.parametrize("name, kwargs", [(name, kwargs) for name, kwargs, *_ in NETWORKS])
def test_maps_lead_to_the_classifiers_logits(name, kwargs):
    """The last map, through the rest of the classifier, gives its logits; so does the vector."""
    mx.random.seed(0)
    net = aff.get_model(name, ctx=mx.cpu(), classes=7, **kwargs)
    names = list(net._collect_params_with_prefix())
    data = images(64)
    expected = net(data).asnumpy()
    last = FeatureMaps(net)(data)[-1]
    for layer in net.parts.head:
        last = layer(last)
    output = net.fc if hasattr(net, "fc") else net.output
    pooled = PooledFeatures(net)(data)
    for vector in (last, pooled):
        np.testing.assert_allclose(output(vector).asnumpy(), expected, rtol=1e-5, atol=1e-5)
    assert list(net._collect_params_with_prefix()) == names


def test_blocks_are_shared_and_learn():
    net = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu(), classes=7)
    maps = FeatureMaps(net)
    ours = net.collect_params()
    assert all(ours[name] is parameter for name, parameter in maps.collect_params().items())
    with autograd.record():
        loss = sum(found.sum() for found in maps(images(16)))
    loss.backward()
    learnt = [p for p in maps.collect_params().values() if p.grad_req != "null"]
    assert learnt and all(np.isfinite(p.grad().asnumpy()).all() for p in learnt)


def test_published_parameters():
    root = os.path.join(ROOT, "params")
    name = "fashion_mnist_aff_resnet8"
    maps = aff.get_model(name, pretrained=True, root=root, features_only=True)
    net = aff.get_model(name, pretrained=True, root=root)
    found = maps(images(28))[-1]
    expected = net.features[: -len(net.parts.head)](images(28))
    np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())


def test_a_network_that_does_not_say():
    with pytest.raises(aff.InputError, match="HybridSequential does not say what its stages are"):
        FeatureMaps(mx.gluon.nn.HybridSequential())
