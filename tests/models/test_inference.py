"""Networks made for inference compute what they did."""

import json

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.inference import optimize_for_inference


def trained(name, **kwargs):
    """A network whose BatchNorms have seen something."""
    mx.random.seed(0)
    net = aff.get_model(name, ctx=mx.cpu(), **kwargs)
    for parameter in net.collect_params().values():
        low, high = {"gamma": (0.5, 1.5), "g_var": (0.5, 2), "beta": (-0.5, 0.5)}.get(
            parameter.name[-5:], (0, 0)
        )
        if high:
            parameter.set_data(mx.nd.random.uniform(low, high, parameter.shape))
    return net


@pytest.mark.numeric
@pytest.mark.parametrize(
    "name, size, kwargs",
    [
        *(("cifar_resnet8_askc", 32, {"fusion": fusion}) for fusion in aff.list_fusions()),
        ("cifar_resnext11_32x4d_askc", 32, {"use_se": True}),
        ("cifar_inception8_askc", 32, {"fusion": "iAFF"}),
        ("fpn_cifar_resnet8_askc", 16, {"fusion": "AFF"}),
        ("unet_cifar_resnet8_askc", 16, {"fusion": "iAFF", "backbone_fusion": "SKFuse"}),
        ("resnet50_v1b_askc", 64, {"fusion": "DirectAdd"}),
        pytest.param("resnet50_v1b_askc", 64, {"fusion": "AFF"}, marks=pytest.mark.slow),
        pytest.param("resnext50_32x4d_askc", 64, {"fusion": "iAFF"}, marks=pytest.mark.slow),
    ],
)
def test_outputs_stay(name, size, kwargs):
    net = trained(name, **kwargs)
    optimized = optimize_for_inference(net)
    for batch in (3, 1):
        x = mx.nd.random.normal(shape=(batch, 3, size, size))
        expected = net(x).asnumpy()
        for _ in range(2):
            error = np.abs(optimized(x).asnumpy() - expected).max()
            assert error <= 1e-4 * np.abs(expected).max()


def test_batch_norms_are_folded():
    net = trained("resnet50_v1b_askc", fusion="DirectAdd")
    output = optimize_for_inference(net)(mx.sym.var("x"))
    operators = [node["op"] for node in json.loads(output.tojson())["nodes"]]
    assert "BatchNorm" not in operators
    assert operators.count("_sg_mkldnn_conv") == 53


@pytest.mark.parametrize(
    "prepare, message",
    [
        (lambda net: net.initialize(ctx=[mx.cpu(0), mx.cpu(1)]), r"is on cpu\(0\), cpu\(1\)"),
        (lambda net: (net.initialize(), net.cast("float16")), "is for float32: .* float16"),
        (lambda net: None, "has not been initialized"),
    ],
)
def test_other_networks_are_refused(prepare, message):
    net = aff.get_model("cifar_resnet8_askc")
    prepare(net)
    with pytest.raises(aff.InputError, match=message):
        optimize_for_inference(net)


def test_maps_of_a_backbone_stay():
    net = aff.get_model("cifar_resnet8_askc", features_only=True, ctx=mx.cpu())
    net.initialize(mx.init.MSRAPrelu(), force_reinit=True)
    x = mx.nd.random.normal(shape=(2, 3, 16, 16))
    for found, expected in zip(optimize_for_inference(net)(x), net(x)):
        np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=1e-3, atol=1e-4)
