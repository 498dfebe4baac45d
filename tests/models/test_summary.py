"""The layer table against counts made by hand."""

import json
import math

import pytest

import aff
from aff.models.summary import (
    COUNTED,
    ELEMENTWISE,
    FREE,
    POOLING,
    SCREEN,
    WEIGHTED,
    depth_of,
    depth_that_fits,
    rows_to_depth,
    summarize,
    table,
)

import mxnet as mx  # isort: skip

#: Operators that move values without computing any.
#: Of these `batch_dot` only copies, from one value a channel to all positions.
MOVES = {"Concat", "Reshape", "reshape_like", "slice_axis", "ones_like", "batch_dot"}


def totals(name, size=32, **kwargs):
    rows = summarize(aff.get_model(name, **kwargs), size)
    return tuple(
        sum(getattr(row, key) for row in rows)
        for key in ("trainable", "parameters", "multiply_adds")
    )


@pytest.mark.parametrize(
    "name, kwargs",
    [
        ("cifar_resnet32_askc", {"channel_times": 4}),
        ("cifar_resnet8_askc", {"fusion": "Add", "classes": 10}),
        ("cifar_resnet20_askc", {"fusion": "iAFF", "deep_stem": True, "avg_down": True}),
        ("cifar_resnext29_32x4d_askc", {"use_se": True}),
        ("cifar_inception8_askc", {"fusion": "iAFF"}),
    ],
)
def test_parameters_are_those_of_the_network(name, kwargs):
    assert totals(name, **kwargs)[:2] == aff.count_parameters(aff.get_model(name, **kwargs))


def test_multiply_adds_of_a_plain_network():
    stem = 3 * 16 * 9 * 32**2
    stage1 = 2 * 16 * 16 * 9 * 32**2
    stage2 = (16 * 32 * 9 + 32 * 32 * 9 + 16 * 32) * 16**2
    stage3 = (32 * 64 * 9 + 64 * 64 * 9 + 32 * 64) * 8**2
    assert totals("cifar_resnet8_askc", fusion="Add", classes=10)[2] == (
        stem + stage1 + stage2 + stage3 + 640 + 16 * 32**2 + 32 * 16**2 + 64 * 8**2
    )


def test_multiply_adds_of_a_grouped_convolution():
    rows = {row.name: row for row in summarize(aff.get_model("cifar_resnext11_32x4d_askc"), 32)}
    assert rows["features.3.0.body.3"].multiply_adds == 128 * (128 // 32) * 9 * 32**2


def test_a_fusion_is_counted_whole():
    rows = [
        row
        for row in summarize(aff.get_model("cifar_resnet8_askc"), 32)
        if row.name.startswith("features.2.0.attention")
    ]
    c, hw, inner = 16, 32**2, 4
    local = 2 * c * inner * hw + inner * hw
    global_ = 2 * c * inner + inner + c * hw
    elementwise = 8 * c * hw  # x + y (twice), L + g, half of it, tanh, x - y, their product, sum
    assert sum(row.multiply_adds for row in rows) == local + global_ + elementwise


@pytest.mark.parametrize(
    "name, kwargs, gflops",
    [
        ("resnet50_v1b_askc", {"fusion": "Add"}, 4.1),
        ("resnet50_v1b_askc", {"fusion": "AFF"}, 4.3),
    ],
)
def test_the_papers_figures_for_resnet_50(name, kwargs, gflops):
    assert round(totals(name, size=224, **kwargs)[2] / 1e9, 1) == gflops


@pytest.mark.parametrize("fusion", aff.list_fusions())
def test_every_operator_of_a_fusion_is_known(fusion):
    """An operator that the count does not know would make a fusion look free."""
    known = {*POOLING, *ELEMENTWISE, *WEIGHTED, *MOVES, "BatchNorm"}
    assert {*MOVES, "BatchNorm"} <= set(FREE)
    output = aff.create_fusion(fusion, 8)(mx.sym.var("x"), mx.sym.var("y"))
    nodes = json.loads(output.tojson())["nodes"]
    assert {node["op"] for node in nodes} - {"null"} <= known


def test_size_of_the_input_counts():
    assert totals("cifar_resnet8_askc", size=64)[2] > 3.9 * totals("cifar_resnet8_askc", size=32)[2]


def test_the_table_names_layers_as_the_parameter_file_does():
    text = table(summarize(aff.get_model("cifar_resnet8_askc"), 32), "title")
    assert "features.2.0.attention.local_att.3" in text
    assert "(16, 32, 32)" in text
    assert f"{aff.count_parameters(aff.get_model('cifar_resnet8_askc'))[1]:,}" in text


@pytest.mark.parametrize(
    "name, size", [("resnet50_v1b_askc", 224), ("cifar_resnext29_32x4d_askc", 32)]
)
def test_blocks_are_summed_up_to_a_depth(name, size):
    """Totals stay at every depth; a block gives what the network after it is given."""
    net = aff.get_model(name)
    rows = summarize(net, size)
    totals = [sum(getattr(row, key) for row in rows) for key in COUNTED]
    for depth in range(1, depth_of(rows) + 1):
        found = rows_to_depth(rows, net, depth)
        assert [sum(getattr(row, key) for row in found) for key in COUNTED] == totals
        assert max(row.name.count(".") for row in found) < depth
    assert found == rows
    assert len(rows_to_depth(rows, net, depth_that_fits(rows))) <= SCREEN


def test_a_stage_is_a_row():
    net = aff.get_model("resnet50_v1b_askc")
    stages = {row.name: row for row in rows_to_depth(summarize(net, 224), net, 1)}
    assert stages["layer3"].shape == (1024, 14, 14)
    assert stages["layer3"].parameters == sum(
        math.prod(parameter.shape) for parameter in net.layer3.collect_params().values()
    )
    assert "conv1.6" not in stages and "fc" in stages
