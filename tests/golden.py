"""Golden values of the published networks: how parameters and input are filled, and how close is
close enough.

Some networks amplify such weights so strongly that a relative change of 1e-8 of the input moves
their outputs by several percent (AFF-ResNet-32 x4: measured in float64). There no two machines'
float32 agree to the plain bound. So where the plain bound does not hold, the network's own
sensitivity is measured and sets the bound, up to a cap that still tells the published function from
its neighbours (`test_golden.py` checks that it does).
"""

import gzip
import json
import os
import zlib
from functools import lru_cache

import mxnet as mx
import numpy as np

import aff

LOGITS_BOUND, FIRST_LOSS_BOUND, LATER_LOSS_BOUND = 1e-4, 1e-3, 2e-2
SAFETY, CAP = 10, 0.2
#: In both directions: what one of them moves can come back to where it was by chance.
PERTURBATIONS = (1e-7, -1e-7)

with gzip.open(
    os.path.join(os.path.dirname(__file__), "reference", "architectures.json.gz")
) as file:
    ARCHITECTURES = json.load(file)


LEAVES = {
    "weight": lambda rs, s: rs.normal(0, np.sqrt(2 / np.prod(s[1:])), s),
    "gamma": lambda rs, s: 1 + 0.1 * rs.normal(size=s),
    "running_var": lambda rs, s: 1 + 0.2 * rs.uniform(size=s),
}


@lru_cache(maxsize=700)  # enough for the largest network
def golden_value(name, shape):
    """A parameter's value, which its name and shape tell."""
    rs = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    leaf = LEAVES.get(name.rsplit(".", 1)[-1], lambda rs, s: 0.1 * rs.normal(size=s))
    return leaf(rs, shape).astype(np.float32)


def fill(net):
    """Set every parameter to the values that the golden outputs were computed with."""
    for name, parameter in net._collect_params_with_prefix().items():
        parameter.set_data(mx.nd.array(golden_value(name, parameter.shape)))


def build(entry):
    """The entry's network with the golden parameters."""
    net = aff.get_model(entry["build"]["name"], **entry["build"]["kwargs"])
    net.initialize(mx.init.Zero(), ctx=mx.cpu())
    fill(net)
    return net


def golden_input(entry, perturbation=0.0):
    """The golden input, each value off by a random share of the size of `perturbation`."""
    x = np.random.RandomState(2020).normal(size=entry["input_shape"]).astype(np.float32)
    noise = np.random.RandomState(1).normal(size=x.shape)
    return mx.nd.array((x * (1 + perturbation * noise)).astype(np.float32))


def logits_error(entry):
    """Largest relative difference from the golden logits, and the bound for it."""
    net = build(entry)
    mine = net(golden_input(entry)).asnumpy()
    first = np.abs(mine[:, :8] - np.array(entry["logits"])).max()
    sums = np.abs(mine.sum(axis=1) - entry["logits_sum"]).max() / np.sqrt(mine.shape[1])
    distance = max(first, sums) / entry["logits_absmax"]
    if distance <= LOGITS_BOUND:
        return distance, LOGITS_BOUND
    perturbed = [net(golden_input(entry, size)).asnumpy() for size in PERTURBATIONS]
    moved = np.abs(np.array(perturbed) - mine).max() / entry["logits_absmax"]
    return distance, min(CAP, max(LOGITS_BOUND, SAFETY * moved))


def training_losses(entry, perturbation=0.0):
    """Mean loss of successive NAG steps on the one batch, and gradient norms at the first."""
    net, x = build(entry), golden_input(entry, perturbation)
    labels = mx.nd.arange(len(x)) % entry["build"]["kwargs"]["classes"]
    trainer = mx.gluon.Trainer(
        net.collect_params(), "nag", {"learning_rate": 0.001, "momentum": 0.9, "wd": 1e-4}
    )
    criterion = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    losses, norms = [], {}
    for _ in entry["train_losses_nag"]:
        with mx.autograd.record():
            loss = criterion(net(x), labels)
        loss.backward()
        if not norms:
            names = net._collect_params_with_prefix()
            norms = {
                name: float(names[name].grad().norm().asscalar()) / len(x)
                for name in entry["grad_norms_step1"]
            }
        trainer.step(len(x))
        losses.append(float(loss.mean().asscalar()))
    return np.array(losses), norms


def loss_errors(entry):
    """Relative differences from the golden training losses, and their bounds."""
    golden = np.array(entry["train_losses_nag"])
    mine, _ = training_losses(entry)
    errors = np.abs(mine - golden) / golden
    bounds = np.array([FIRST_LOSS_BOUND] + [LATER_LOSS_BOUND] * (len(golden) - 1))
    if (errors > bounds).any():
        perturbed = [training_losses(entry, size)[0] for size in PERTURBATIONS]
        moved = np.abs(np.array(perturbed) - mine).max(axis=0) / golden
        bounds = np.minimum(CAP, np.maximum(bounds, SAFETY * moved))
    return errors, bounds
