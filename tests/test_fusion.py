"""Fusion blocks against their formulas, and the registry."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.fusion import register_fusion, resolve_fusion
from aff.layers import GlobalAvgPool2D

SHAPE = (2, 8, 5, 3)


def batch_norm(block, z):
    gamma, beta, mean, var = (
        getattr(block, name).data().asnumpy()[None, :, None, None]
        for name in ("gamma", "beta", "running_mean", "running_var")
    )
    return (z - mean) / np.sqrt(var + 1e-5) * gamma + beta


def conv1x1(block, z):
    weight = block.weight.data().asnumpy()[:, :, 0, 0]
    return np.einsum("oc,nchw->nohw", weight, z) + block.bias.data().asnumpy()[None, :, None, None]


def context(sequence, z):
    """Equations 1 and 2 in NumPy; behind pooling where the sequence starts with it."""
    blocks = list(sequence)
    if isinstance(blocks[0], GlobalAvgPool2D):
        z, blocks = z.mean(axis=(2, 3), keepdims=True), blocks[1:]
    hidden = np.maximum(batch_norm(blocks[1], conv1x1(blocks[0], z)), 0)
    return batch_norm(blocks[4], conv1x1(blocks[3], hidden))


def weight(local, global_, z):
    return 1 / (1 + np.exp(-(context(local, z) + context(global_, z))))


def expected(block, name, x, y):
    if name == "DirectAdd":
        return x + y
    w = weight(block.local_att, block.global_att, x + y)
    if name == "ASKCFuse":
        return 2 * x * w + 2 * y * (1 - w)
    u = x * w + y * (1 - w)
    w2 = weight(block.local_att2, block.global_att2, u)
    return x * w2 + y * (1 - w2)


def randomized(name, r=4):
    block = aff.create_fusion(name, SHAPE[1], r=r)
    block.initialize(mx.init.Normal(1))
    for parameter in block.collect_params().values():
        low = 0.5 if parameter.name.endswith(("gamma", "var")) else -0.5
        parameter.set_data(mx.nd.random.uniform(low, 1.5, shape=parameter.shape))
    return block


@pytest.mark.parametrize("name", aff.list_fusions())
@pytest.mark.parametrize("hybrid", [False, True])
def test_formula(name, hybrid):
    block = randomized(name)
    if hybrid:
        block.hybridize(static_alloc=True)
    x, y = (mx.nd.random.normal(shape=SHAPE) for _ in range(2))
    np.testing.assert_allclose(
        block(x, y).asnumpy(), expected(block, name, x.asnumpy(), y.asnumpy()), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", aff.list_fusions())
def test_gradient_against_finite_differences(name):
    mx.random.seed(0)
    block = randomized(name)
    block.cast("float64")
    x, y = (mx.nd.random.normal(shape=SHAPE, dtype="float64") for _ in range(2))
    direction = mx.nd.random.normal(shape=SHAPE, dtype="float64")
    for z in (x, y):
        z.attach_grad()
    with mx.autograd.record(train_mode=False):
        loss = (block(x, y) * direction).sum()
    loss.backward(train_mode=False)
    for z, other in ((x, lambda z: (z, y)), (y, lambda z: (x, z))):
        step = 1e-6 * mx.nd.random.normal(shape=SHAPE, dtype="float64")
        difference = (
            (block(*other(z + step)) - block(*other(z - step))) * direction
        ).sum().asscalar() / 2
        assert difference == pytest.approx((z.grad * step).sum().asscalar(), rel=1e-5)


@pytest.mark.parametrize(
    "alias, name",
    [
        ("AFF", "ASKCFuse"),
        ("iAFF", "ResGlobLocaforGlobLocaCha"),
        ("Add", "DirectAdd"),
        ("ASKCFuse", "ASKCFuse"),
    ],
)
def test_aliases(alias, name):
    assert resolve_fusion(alias) == name
    assert type(aff.create_fusion(alias, 8)) is type(aff.create_fusion(name, 8))


def test_unknown_fusion_names_the_valid_ones():
    with pytest.raises(aff.InputError, match="did you mean 'ASKCFuse'.*DirectAdd.*iAFF"):
        aff.create_fusion("ASKCFus", 8)


@pytest.mark.parametrize("channels, r", [(0, 1), (4, 0), (4, 8), (-4, 2)])
def test_impossible_channels(channels, r):
    with pytest.raises(aff.InputError, match="channels >= r >= 1"):
        aff.create_fusion("AFF", channels, r=r)


@pytest.mark.parametrize("name", ["DirectAdd", "AFF"])
def test_a_duplicate_name_raises(name):
    with pytest.raises(ValueError, match="registered already"):
        register_fusion(name)(object)


def test_norm_layer_and_its_arguments_are_used():
    block = aff.create_fusion("AFF", 8, norm_kwargs={"epsilon": 0.5})
    norms = [child for child in block.local_att if isinstance(child, mx.gluon.nn.BatchNorm)]
    assert [norm._kwargs["eps"] for norm in norms] == [0.5, 0.5]
    block = aff.create_fusion("AFF", 8, norm_layer=mx.gluon.nn.InstanceNorm)
    assert any(isinstance(child, mx.gluon.nn.InstanceNorm) for child in block.local_att)
