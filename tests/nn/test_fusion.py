"""Fusion blocks against their formulas, and the registry."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.nn.fusion import (
    describe_fusions,
    fusion_title,
    heeds_ratio,
    list_fusions,
    register_fusion,
    resolve_fusion,
)

from .formulas import FORMULAS, check_gradients, randomize

SHAPE = (2, 8, 5, 3)


def expected(block, name, x, y):
    return FORMULAS[name](block, x, y)


def test_every_published_fusion_is_here():
    assert set(aff.list_fusions()) == set(FORMULAS)


def randomized(name, r=4):
    return randomize(aff.create_fusion(name, SHAPE[1], r=r))


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
    check_gradients(block, [x, y])


@pytest.mark.parametrize(
    "alias, name",
    [
        ("AFF", "ASKCFuse"),
        ("iAFF", "ResGlobLocaforGlobLocaCha"),
        ("Add", "DirectAdd"),
        ("MS-GAU", "AYforXplusY"),
        ("MS-SENet", "XplusAYforY"),
        ("MS-SA", "AXYforXplusY"),
        ("Half-AFF", "HalfASKCFuse"),
        ("Concat-AFF", "ConcatASKCFuse"),
        ("ASKCFuse", "ASKCFuse"),
    ],
)
def test_aliases(alias, name):
    assert resolve_fusion(alias) == name
    assert type(aff.create_fusion(alias, 8)) is type(aff.create_fusion(name, 8))


def test_unknown_fusion_names_the_valid_ones():
    with pytest.raises(aff.InputError, match="did you mean 'ASKCFuse'.*iAFF.*DirectAdd.*aff list"):
        aff.create_fusion("ASKCFus", 8)


@pytest.mark.parametrize(
    "name, channels, r, message",
    [
        ("AFF", 0, 1, "channels must be a whole number"),
        ("AFF", 4, 0, "r must be a whole number"),
        ("AFF", 4, 8, "ratio of 8 leaves nothing of 4 channels"),
        ("Half-AFF", 4, 8, "ratio of 8 leaves nothing"),
        ("SKFuse", 3, 1, "ratio of 4 leaves nothing of 3 channels"),
        ("iAFF", -4, 2, "channels must be"),
        ("Add", "8", 2, "channels must be"),
    ],
)
def test_impossible_channels(name, channels, r, message):
    with pytest.raises(aff.InputError, match=message):
        aff.create_fusion(name, channels, r=r)


@pytest.mark.parametrize("name", ["Add", "Concat", "GAUFuse", "MS-SA"])
def test_fusions_without_a_bottleneck_take_few_channels(name):
    aff.create_fusion(name, 2, r=16)


#: Attributes and indices of Table 6's fusions, which no published file holds: 1x1 convolutions.
POST = {
    "HalfASKCFuse": {"local_att.0": (2, 8), "global_att.1": (2, 8), "post.0": (8, 4)},
    "ConcatASKCFuse": {
        "local_att.0": (2, 8),
        "local_att.3": (8, 2),
        "global_att.1": (2, 8),
        "global_att.4": (8, 2),
        "post.0": (8, 16),
    },
}


@pytest.mark.parametrize("name", POST)
def test_names_of_the_fusions_of_table_6(name):
    parameters = aff.create_fusion(name, 8, r=4)._collect_params_with_prefix()
    weights = {
        key[: -len(".weight")]: parameter.shape[:2]
        for key, parameter in parameters.items()
        if key.endswith("weight")
    }
    assert weights == POST[name]
    assert "post.1.running_var" in parameters


def test_descriptions_are_sentences():
    for name, _, text in describe_fusions():
        assert len(text) > 10, name


@pytest.mark.parametrize("name", ["DirectAdd", "AFF"])
def test_a_duplicate_name_raises(name):
    with pytest.raises(ValueError, match="registered already"):
        register_fusion(name)(aff.nn.DirectAdd)


def test_norm_layer_and_its_arguments_are_used():
    block = aff.create_fusion("AFF", 8, norm_kwargs={"epsilon": 0.5})
    norms = [child for child in block.local_att if isinstance(child, mx.gluon.nn.BatchNorm)]
    assert [norm._kwargs["eps"] for norm in norms] == [0.5, 0.5]
    block = aff.create_fusion("AFF", 8, norm_layer=mx.gluon.nn.InstanceNorm)
    assert any(isinstance(child, mx.gluon.nn.InstanceNorm) for child in block.local_att)


@pytest.mark.parametrize("name", aff.list_fusions())
def test_float16_stays_float16(name):
    """What a GPU computes in: no operator on the way is for other number formats only."""
    block = aff.create_fusion(name, 8)
    block.cast("float16")
    output = block(mx.sym.var("x"), mx.sym.var("y"))
    _, (found,), _ = output.infer_type(x="float16", y="float16")
    assert found == np.float16


def test_which_fusions_heed_the_ratio():
    named = {"ASKCFuse", "ResGlobLocaforGlobLocaCha", "ResGlobGlobCha", "ResLocaLocaCha", "SEFuse"}
    table_6 = {"HalfASKCFuse", "ConcatASKCFuse"}
    assert {name for name in list_fusions() if heeds_ratio(name)} == named | table_6


def test_titles_are_the_paper_s_names():
    titles = {name: fusion_title(name) for name in aff.list_fusions()}
    assert titles["ASKCFuse"] == fusion_title("AFF") == "AFF"
    assert titles["ResGlobLocaforGlobLocaCha"] == "iAFF"
    assert titles["DirectAdd"] == "Add"
    assert (titles["SKFuse"], titles["AXYforXplusY"]) == ("SKFuse", "MS-SA")
    assert len(set(titles.values())) == len(titles)
    assert fusion_title("not_registered") == "not_registered"
