"""The Inception host: its modules, its cost, its name."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.inception import InceptionBlock
from aff.models.naming import network_from, short_name, short_names
from aff.models.summary import measured, summarize
from aff.nn import Normalization


@pytest.mark.parametrize("strides, inputs", [(1, 8), (2, 4)])
@pytest.mark.parametrize("fusion", ["Add", "AFF", "Concat"])
def test_a_block_fuses_its_branches_and_adds_its_shortcut(fusion, strides, inputs):
    mx.random.seed(0)
    block = InceptionBlock(inputs, 8, strides, fusion, Normalization())
    block.initialize(mx.init.Xavier())
    x = mx.nd.random.normal(shape=(2, inputs, 6, 6))
    branches = (block.branch3, block.branch5)
    assert [branch._kwargs["kernel"] for branch in branches] == [(3, 3), (5, 5)]
    active = mx.nd.relu(block.preact[0](x))
    fused = block.attention(*(branch(active) for branch in branches))
    shortcut = block.downsample[0](x) if strides == 2 else x
    expected = (fused + shortcut).asnumpy()
    for hybrid in (False, True):
        block.hybridize(hybrid)
        np.testing.assert_allclose(block(x).asnumpy(), expected, rtol=1e-4, atol=1e-5)
    assert expected.shape == (2, 8, 6 // strides, 6 // strides)


@pytest.mark.parametrize("b", [1, 2, 3, 4])
def test_parameters_and_cost_are_those_of_its_convolutions(b):
    taps, widths, sizes = 9 + 25, (16, 32, 64), (32, 16, 8)
    blocks = [
        (width if index or not stage else width // 2, width, size)
        for stage, (width, size) in enumerate(zip(widths, sizes))
        for index in range(b)
    ]
    layers = [
        (3 * 9 * 16, 32),
        *((taps * inputs * width, size) for inputs, width, size in blocks),
        *((inputs * width, size) for inputs, width, size in blocks if inputs != width),
    ]
    norms = 4 * (3 + 64 + sum(inputs for inputs, _, _ in blocks))
    cost = measured(f"cifar_inception{3 * b + 2}_askc", {"fusion": "Add"})
    assert cost.parameters == sum(weights for weights, _ in layers) + norms + 65 * 100
    additions = sum(width * size**2 for _, width, size in blocks)
    work = sum(weights * size**2 for weights, size in layers)
    assert cost.multiply_adds == work + additions + 6400


def test_its_fusions_are_counted():
    rows = {row.name: row for row in summarize(aff.get_model("cifar_inception5_askc"), 32)}
    assert rows["features.2.0.branch5"].multiply_adds == 25 * 16 * 16 * 32**2
    assert rows["features.4.0.attention.local_att.0"].multiply_adds == 64 * 16 * 8**2


@pytest.mark.parametrize(
    "given, name, times",
    [
        ({"blocks": 1}, "cifar_inception5_askc", None),
        ({}, "cifar_inception17_askc", None),
        ({"blocks": 4, "channel_times": 2}, "cifar_inception14_askc", 2),
    ],
)
def test_its_short_name(given, name, times):
    found, kwargs = network_from({"model": "inception", "fusion": "iAFF", **given}, "cifar")
    assert (found, kwargs.get("channel_times")) == (name, times)
    assert "inception" in short_names("cifar")
    assert short_name(name, {"fusion": "iAFF"}) == f"{name[6:-5]}-iAFF"


@pytest.mark.parametrize(
    "name, kwargs, named",
    [
        ("cifar_inception6_askc", {}, "3b\\+2"),
        ("cifar_inception5_askc", {"use_se": True}, "use_se"),
        ("cifar_inception5_askc", {"start_layer": 5}, "start_layer"),
    ],
)
def test_what_it_has_not(name, kwargs, named):
    with pytest.raises(aff.InputError, match=named):
        aff.get_model(name, **kwargs)


def test_earlier_stages_add():
    net = aff.get_model("cifar_inception5_askc", fusion="iAFF", start_layer=3)
    kinds = [type(stage[0].attention).__name__ for stage in net.parts.stages]
    assert kinds == ["DirectAdd", "DirectAdd", "IAFF"]
