"""Every published network, and every fusion, in float32 as it runs beside its formulas in float64
(`conditioned.py`), with parameters under which rounding stays rounding.
"""

import json
from functools import partial

import numpy as np
import pytest

from aff.nn.fusion import list_fusions, resolve_fusion

from .. import conditioned
from ..conditioned import NETWORKS

with open(conditioned.FILE, encoding="utf-8") as file:
    GOLDEN = json.load(file)
LOGITS, GRADIENTS = 2e-6, 2e-3
QUICK = (
    *("cifar_resnet14", "cifar_inception8", "gen2_cifar_resnet32_c4_s1_ASKC", "cifar_resnext29"),
    *("fpn_cifar", "unet_cifar"),
)
SLOW = pytest.mark.slow
EVERY = pytest.mark.parametrize(
    "key",
    [pytest.param(k, marks=[] if k.startswith(QUICK) else SLOW) for k in GOLDEN],
)


def error(key, net):
    """Largest relative difference of the logits."""
    golden, found = GOLDEN[key], conditioned.logits(net, conditioned.images(key))
    first = np.abs(found[:, :8] - golden["logits"]).max()
    sums = np.abs(found.sum(axis=1) - golden["sums"]).max() / np.sqrt(found.shape[1])
    return max(first, sums) / golden["largest"]


def gradient_error(key, net):
    """Largest relative difference of the norms of gradients; some are 0 behind a dead ReLU."""
    found = np.array(conditioned.gradient_norms(net, conditioned.images(key)))
    golden = np.array(GOLDEN[key]["gradients"])
    if found[golden == 0].any():
        return np.inf
    return np.abs(found[golden > 0] / golden[golden > 0] - 1).max()


@pytest.mark.numeric
@EVERY
def test_outputs_and_gradients(key):
    net = conditioned.build(key)
    assert error(key, net) < LOGITS
    assert gradient_error(key, net) < GRADIENTS


def test_all_networks_are_here_and_none_amplifies():
    assert set(GOLDEN) == set(NETWORKS)
    assert max(values["amplification"] for values in GOLDEN.values()) < 1.5


def test_every_fusion_of_both_generations_is_here():
    builds = [build["kwargs"] for build, _ in NETWORKS.values()]
    fusions = {resolve_fusion(build["fusion"]) for build in builds}
    assert fusions == {resolve_fusion(name) for name in list_fusions()}
    assert {build.get("avg_down", False) for build in builds} == {True, False}


FOURTEEN = {
    build["kwargs"]["fusion"]: key
    for key, (build, _) in NETWORKS.items()
    if key.startswith("cifar_resnet14_")
}


def fusions_of(block):
    """The fusions of a network's blocks."""
    for child in block._children.values():
        if hasattr(child, "attention"):
            yield child.attention
        else:
            yield from fusions_of(child)


def changed_over(right, x, residual):
    return right(residual, x)


def too_large(right, x, residual):
    return right(x, residual) * 1.0002


def leaking(right, x, residual):
    return right(x, residual) + 1e-4 * x


SYMMETRIC = ("AXYforXY",)  # w (x + residual), w of the sum


@pytest.mark.parametrize(
    "fusion, key",
    [
        pytest.param(fusion, key, marks=[] if fusion in ("ASKCFuse", *SYMMETRIC) else SLOW)
        for fusion, key in FOURTEEN.items()
    ],
)
@pytest.mark.parametrize("wrong", [changed_over, too_large, leaking])
def test_the_bounds_tell_wrong_formulas(fusion, key, wrong):
    net = conditioned.build(key)
    for block in fusions_of(net):
        block.forward = partial(wrong, block.forward)
    seen = max(error(key, net) / LOGITS, gradient_error(key, net) / GRADIENTS) > 1
    assert seen != (wrong is changed_over and fusion in SYMMETRIC)
