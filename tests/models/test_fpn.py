"""FPN and U-Net over backbones: what they compute, beside PyTorch; their gradients."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

import aff
from aff.training.network import hybridize

from ..golden import fill

SMALL = "cifar_resnet8_askc"
HOSTS = {"FPN": aff.models.FPN, "UNet": aff.models.UNet}
SLOW = pytest.mark.slow


def built(host="FPN", fusion="AFF", backbone=SMALL, filled=True, **kwargs):
    """A network of three classes; its parameters random, running statistics too."""
    trunk = aff.get_model(backbone, fusion="DirectAdd")
    net = HOSTS[host](trunk, fusion, classes=3, **kwargs)
    net.initialize(mx.init.Xavier(), ctx=mx.cpu())
    if filled:
        fill(net)
    return net


def images(height=16, width=None, count=2, seed=0):
    shape = (count, 3, height, width or height)
    return mx.nd.array(np.random.default_rng(seed).normal(size=shape), dtype="float32")


class InTorch:
    """What follows the backbone, in PyTorch's functions, of a network's parameters by name."""

    def __init__(self, net, fusion, convolutions=0):
        import torch

        self.values = {
            name: torch.from_numpy(parameter.data().asnumpy())
            for name, parameter in net._collect_params_with_prefix().items()
        }
        self.fusion, self.convolutions = fusion, convolutions

    def conv(self, name, x):
        from torch.nn import functional

        weight = self.values[f"{name}.weight"]
        bias = self.values.get(f"{name}.bias")
        return functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    def norm(self, name, x):
        from torch.nn import functional

        keys = ("running_mean", "running_var", "gamma", "beta")
        return functional.batch_norm(x, *(self.values[f"{name}.{key}"] for key in keys))

    def active(self, name, x, first=0):
        return self.norm(f"{name}.{first + 1}", self.conv(f"{name}.{first}", x)).relu()

    def context(self, name, z, first):
        inner = self.active(name, z, first)
        return self.norm(f"{name}.{first + 4}", self.conv(f"{name}.{first + 3}", inner))

    def fuse(self, name, x, residual):
        if self.fusion == "DirectAdd":
            return x + residual
        z = x + residual
        local = self.context(f"{name}.local_att", z, 0)
        weight = (local + self.context(f"{name}.global_att", z.mean((2, 3), True), 1)).sigmoid()
        return 2 * (weight * x + (1 - weight) * residual)

    def fused(self, maps):
        """The finest fused map."""
        from torch.nn import functional

        laterals = [self.active(f"decoder.lateral.{level}", x) for level, x in enumerate(maps)]
        fused = laterals[-1]
        for level in reversed(range(len(maps) - 1)):
            if f"decoder.narrow.{level}.0.weight" in self.values:
                fused = self.active(f"decoder.narrow.{level}", fused)
            above = functional.interpolate(
                fused, laterals[level].shape[2:], mode="bilinear", align_corners=False
            )
            fused = self.fuse(f"decoder.fusions.{level}", laterals[level], above)
            for index in range(self.convolutions):
                fused = self.active(f"decoder.refine.{level}", fused, 3 * index)
        return fused

    def logits(self, maps, image):
        import torch
        from torch.nn import functional

        with torch.no_grad():
            fused = self.fused([torch.from_numpy(x.asnumpy()) for x in maps])
            fused = self.active("head", fused) if "head.0.weight" in self.values else fused
            logits = self.conv("output", fused)
            sides = image.shape[2:]
            return functional.interpolate(
                logits, sides, mode="bilinear", align_corners=False
            ).numpy()


@pytest.mark.parametrize(
    "host, fusion, backbone, sides",
    [
        ("FPN", "DirectAdd", SMALL, (16, 24)),
        ("FPN", "AFF", SMALL, (16, 24)),
        ("FPN", "AFF", "resnet50_v1b_askc", (32, 64)),
        ("UNet", "DirectAdd", SMALL, (24, 16)),
        ("UNet", "AFF", "cifar_inception5_askc", (16, 16)),
    ],
)
def test_it_computes_what_pytorch_does(host, fusion, backbone, sides):
    pytest.importorskip("torch")
    net = built(host, fusion, backbone)
    net.cast("float64")
    x = images(*sides).astype("float64")
    reference = InTorch(net, fusion, convolutions=2 if host == "UNet" else 0)
    expected = reference.logits(net.backbone(x), x)
    found = net(x).asnumpy()
    assert found.shape == (2, 3, *sides)
    assert np.abs(found - expected).max() < 1e-10 * np.abs(expected).max()


def test_the_lateral_feature_is_weighed_and_the_one_from_above_has_the_rest():
    """Of a weight near one the fused map is twice the lateral feature."""
    net = built(channels=8)
    fuse, maps = net.decoder.fusions[0], net.backbone(images())
    fuse.local_att[4].beta.set_data(mx.nd.ones((8,)) * 50)
    lateral = net.decoder.lateral[0](maps[0]).asnumpy()
    np.testing.assert_allclose(net.decoder(*maps)[0].asnumpy(), 2 * lateral, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "host, fusion",
    [
        pytest.param(host, fusion, marks=[] if host == "FPN" or fusion == "Concat" else SLOW)
        for host in HOSTS
        for fusion in aff.list_fusions()
    ],
)
def test_every_fusion_runs_learns_and_compiles(host, fusion, tmp_path):
    net = built(host, fusion, filled=False)
    x = images(8)
    with autograd.record():
        loss = net(x).square().sum()
    loss.backward()
    for name, parameter in net._collect_params_with_prefix().items():
        if parameter.grad_req != "null":
            gradient = parameter.grad().asnumpy()
            assert np.isfinite(gradient).all(), name
            assert np.abs(gradient).sum() > 0 or name.endswith("bias"), name
    plain = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "net.params"))
    hybridize(net)
    np.testing.assert_allclose(net(x).asnumpy(), plain, rtol=1e-4, atol=1e-4)
    again = built(host, fusion, filled=False)
    aff.load_parameters(again, str(tmp_path / "net.params"))
    np.testing.assert_array_equal(again(x).asnumpy(), plain)


@pytest.mark.parametrize(
    "host, fusion", [("FPN", "DirectAdd"), ("FPN", "AFF"), ("FPN", "iAFF"), ("UNet", "AFF")]
)
def test_gradients_are_those_of_finite_differences(host, fusion):
    net = built(host, fusion)
    net.cast("float64")
    x, rng = images(8).astype("float64"), np.random.default_rng(1)
    target = mx.nd.array(rng.normal(size=(2, 3, 8, 8)), dtype="float64")

    def loss_of():
        with autograd.record(train_mode=False):
            return (net(x) * target).sum()

    loss_of().backward(train_mode=False)
    chosen = [
        (name, parameter)
        for name, parameter in net._collect_params_with_prefix().items()
        if parameter.grad_req != "null" and name.endswith(("weight", "gamma"))
    ]
    assert {name.split(".")[0] for name, _ in chosen} >= {"backbone", "decoder", "output"}
    for name, parameter in chosen:
        value, slope = parameter.data().copy(), parameter.grad().asnumpy().copy()
        direction = rng.normal(size=value.shape)
        step = 1e-7 / np.linalg.norm(direction)
        ends = []
        for sign in (1, -1):
            parameter.set_data(value + mx.nd.array(sign * step * direction, dtype="float64"))
            ends.append(loss_of().asscalar())
        parameter.set_data(value)
        expected = (slope * direction).sum()
        size = np.linalg.norm(slope) * np.linalg.norm(direction)
        assert abs((ends[0] - ends[1]) / (2 * step) - expected) <= 1e-3 * size + 1e-6, name


@pytest.mark.parametrize("sides", [(18, 16), (16, 30)])
@pytest.mark.parametrize("compiled", [False, True])
def test_sides_are_multiples_of_the_coarsest_stride(sides, compiled):
    net = built()
    net.hybridize(compiled)
    with pytest.raises(aff.InputError, match=f"4, .* {sides[0]} x {sides[1]}"):
        net(images(*sides))
