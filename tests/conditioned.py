"""Golden values of this project's own making, for every published network, with parameters under
which a network passes a relative change of its input on instead of multiplying it.

The golden outputs of the published code (:mod:`.golden`) have random parameters that some networks
answer by multiplying rounding a millionfold, so that little can be told by them. Here the last
BatchNorm of every branch has a gamma of a fifth or less: activations stay near one, and float32
agrees with float64 to six digits in all of them.

The values are computed in float64 with every fusion by its formula (:mod:`aff.nn.reference`):
``python -c "import aff.compat; from tests.conditioned import write; write()"`` writes them to
``tests/reference/conditioned.json``.
"""

import json
import os
import re

import mxnet as mx
import numpy as np

import aff
from aff.nn.reference import make_literal

from .golden import ARCHITECTURES, fill

FILE = os.path.join(os.path.dirname(__file__), "reference", "conditioned.json")
BATCH, GRADIENTS = 2, 8
IN_A_BLOCK = re.compile(r"((layer|features\.|backbone\.stages\.)\d+\.\d+|decoder\.\w+\.\d+\.\w+)\.")
LAST_NORM = re.compile(r"(.+\.(?:body\.|resfwd\.|preact\.|bn|\w*att\w*\.))(\d+)\.gamma")


#: By name, how a network is built and its input's shape: the published networks and one of each
#: fusion and family that is in none of them.
NETWORKS = {
    **{key: (entry["build"], entry["input_shape"]) for key, entry in ARCHITECTURES.items()},
    **{
        f"cifar_resnet14_c1_s1_{fusion}": (
            {"name": "cifar_resnet14_askc", "kwargs": {"fusion": fusion, "classes": 20}},
            [8, 3, 32, 32],
        )
        for fusion in ("HalfASKCFuse", "ConcatASKCFuse")
    },
    "cifar_resnet14_r2_ASKCFuse": (
        {"name": "cifar_resnet14_askc", "kwargs": {"fusion": "ASKCFuse", "classes": 20, "r": 2}},
        [8, 3, 32, 32],
    ),
    **{
        f"cifar_inception8_{fusion}": (
            {"name": "cifar_inception8_askc", "kwargs": {"fusion": fusion, "classes": 20}},
            [8, 3, 32, 32],
        )
        for fusion in ("DirectAdd", "ASKCFuse", "ResGlobLocaforGlobLocaCha")
    },
    **{
        f"{host}_{fusion}": (
            {"name": f"{host}_askc", "kwargs": {"fusion": fusion, "classes": 5}},
            [8, 3, 16, 16],
        )
        for host, fusion in (
            ("fpn_cifar_resnet8", "DirectAdd"),
            ("fpn_cifar_resnet8", "ASKCFuse"),
            ("fpn_cifar_resnet8", "ResGlobLocaforGlobLocaCha"),
            ("unet_cifar_inception5", "ASKCFuse"),
        )
    },
}


def last_norms(names):
    """Names of the gammas of the last BatchNorm of every branch: of a block's body, of a fusion."""
    last = {}
    for branch, number in (match.groups() for match in map(LAST_NORM.fullmatch, names) if match):
        last[branch] = max(last.get(branch, 0), int(number))
    return [f"{branch}{number}.gamma" for branch, number in last.items()]


def last_gamma(key):
    """What the gammas of the last BatchNorms of branches are multiplied by: deeper, smaller."""
    return 0.1 if "resnet101" in key else 0.2


def build(key, dtype="float32", literal=False):
    """The network of a key of the golden architectures, with the parameters of this module."""
    build, _ = NETWORKS[key]
    net = aff.get_model(build["name"], **build["kwargs"])
    net.initialize(mx.init.Zero(), ctx=mx.cpu())
    fill(net)
    parameters = net._collect_params_with_prefix()
    for name in last_norms(parameters):
        parameters[name].set_data(parameters[name].data() * last_gamma(key))
    if literal:
        make_literal(net)
    net.cast(dtype)
    return net


def images(key, dtype="float32", perturbation=0.0):
    """A batch of noise, each value off by a random share of the size of `perturbation`."""
    shape = (BATCH, *NETWORKS[key][1][1:])
    x = np.random.RandomState(2020).normal(size=shape)
    noise = np.random.RandomState(1).normal(size=shape)
    return mx.nd.array(x * (1 + perturbation * noise), dtype=dtype)


def logits(net, x):
    """What a network gives in evaluation, a row an image."""
    return net(x).asnumpy().reshape(len(x), -1)


def gradient_norms(net, x):
    """Norms of the gradients of the mean square of the logits, with BatchNorm's running statistics,
    of some convolutions of the blocks, from the first on.

    (Those of ImageNet's stems are left out: in evaluation mxnet's backward of the max pooling
    behind them is wrong on a CPU in float32.)
    """
    with mx.autograd.record(train_mode=False):
        loss = (net(x) ** 2).mean()
    loss.backward(train_mode=False)
    weights = [
        parameter
        for name, parameter in net._collect_params_with_prefix().items()
        if IN_A_BLOCK.match(name) and name.endswith("weight") and len(parameter.shape) == 4
    ]
    chosen = weights[:: max(1, len(weights) // GRADIENTS)]
    return [np.linalg.norm(parameter.grad().asnumpy()) for parameter in chosen]


def golden(key):
    """The values of a network, in float64 by the formulas."""
    net, x = build(key, "float64", literal=True), images(key, "float64")
    first = logits(net, x)
    moved = logits(net, images(key, "float64", 1e-6)) - first
    size = np.abs(first).max()
    return {
        "logits": np.round(first[:, :8], 12).tolist(),
        "sums": np.round(first.sum(axis=1), 12).tolist(),
        "largest": float(size),
        "amplification": float(f"{np.abs(moved).max() / size / 1e-6:.3g}"),
        "gradients": [float(f"{norm:.9g}") for norm in gradient_norms(net, x)],
    }


def write():
    """Compute all values and write them."""
    found = {}
    for key in NETWORKS:
        found[key] = golden(key)
        print(key, found[key]["amplification"], found[key]["gradients"], flush=True)
    with open(FILE, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
