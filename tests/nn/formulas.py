"""The fusions in NumPy, as the published code and the paper have them, of features (N, C, ...) of
any dimensions; and blocks with parameters of which none is 0 or 1.
"""

import mxnet as mx
import numpy as np
from mxnet.gluon import nn

from aff.nn.layers import GlobalAvgPool2D


def randomize(block):
    """Initialize a block, no parameter 0 or 1, and give it."""
    block.initialize(mx.init.Normal(1))
    for parameter in block.collect_params().values():
        low = 0.5 if parameter.name.endswith(("gamma", "var")) else -0.5
        parameter.set_data(mx.nd.random.uniform(low, 1.5, shape=parameter.shape))
    return block


def by_channel(parameter, z):
    """A value a channel, to be broadcast over z."""
    return parameter.data().asnumpy().reshape((1, -1) + (1,) * (z.ndim - 2))


def batch_norm(block, z):
    gamma, beta, mean, var = (
        by_channel(getattr(block, name), z)
        for name in ("gamma", "beta", "running_mean", "running_var")
    )
    return (z - mean) / np.sqrt(var + 1e-5) * gamma + beta


def conv1x1(block, z):
    weight = block.weight.data().asnumpy()[:, :, 0, 0]
    return np.einsum("oc,nc...->no...", weight, z) + by_channel(block.bias, z)


def run(sequence, z):
    """A sequence of the attention in NumPy."""
    for block in sequence:
        if isinstance(block, GlobalAvgPool2D):
            z = z.mean(axis=tuple(range(2, z.ndim)), keepdims=True)
        elif hasattr(block, "weight"):
            z = conv1x1(block, z)
        elif isinstance(block, nn.BatchNorm):
            z = batch_norm(block, z)
        else:
            z = {"relu": lambda z: np.maximum(z, 0), "sigmoid": sigmoid}[block._act_type](z)
    return z


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def two_branches(f, z):
    return sigmoid(run(f.local_att, z) + run(f.global_att, z))


def post(f, z):
    local, global_ = run(f.local_att, z), run(f.global_att, z)
    return run(f.post, np.concatenate([local, global_ + 0 * local[:, : global_.shape[1]]], axis=1))


def select(x, y, w):
    return 2 * x * w + 2 * y * (1 - w)


def iaff(f, x, y):
    w = two_branches(f, x + y)
    u = x * w + y * (1 - w)
    w2 = sigmoid(run(f.local_att2, u) + run(f.global_att2, u))
    return x * w2 + y * (1 - w2)


def sk(f, x, y):
    first, second = np.split(np.exp(run(f.global_att, x + y)), 2, axis=1)
    return 2 * x * first / (first + second) + 2 * y * second / (first + second)


#: The formulas of the published code (and, for Table 6, of the paper): x the body, y the shortcut.
FORMULAS = {
    "DirectAdd": lambda f, x, y: x + y,
    "Concat": lambda f, x, y: run(f.fuse, np.concatenate([x, y], axis=1)),
    "ResGlobCha": lambda f, x, y: select(x, y, sigmoid(run(f.attention, x + y))),
    "ResLocaCha": lambda f, x, y: select(x, y, sigmoid(run(f.attention, x + y))),
    "ResGlobLocaCha": lambda f, x, y: select(x, y, two_branches(f, x + y)),
    "ResGlobGlobCha": lambda f, x, y: select(x, y, two_branches(f, x + y)),
    "ResLocaLocaCha": lambda f, x, y: select(x, y, two_branches(f, x + y)),
    "ASKCFuse": lambda f, x, y: select(x, y, two_branches(f, x + y)),
    "ResGlobLocaforGlobLocaCha": iaff,
    "SEFuse": lambda f, x, y: y + sigmoid(run(f.global_att, x)) * x,
    "GAUFuse": lambda f, x, y: sigmoid(run(f.global_att, x)) * y + x,
    "SKFuse": sk,
    "XplusAYforY": lambda f, x, y: y + two_branches(f, x) * x,
    "AYforXplusY": lambda f, x, y: two_branches(f, x) * y + x,
    "AXYforXplusY": lambda f, x, y: two_branches(f, x + y) * y + x,
    "AXYforXY": lambda f, x, y: two_branches(f, x + y) * (x + y),
    "HalfASKCFuse": lambda f, x, y: select(x, y, sigmoid(post(f, x + y))),
    "ConcatASKCFuse": lambda f, x, y: select(x, y, sigmoid(post(f, x + y))),
}


def check_gradients(block, inputs):
    """Hold the gradients of a float64 block's inputs, NDArrays, to finite differences."""
    direction = mx.nd.random.normal(shape=block(*inputs).shape, dtype="float64")
    for z in inputs:
        z.attach_grad()
    with mx.autograd.record(train_mode=False):
        loss = (block(*inputs) * direction).sum()
    loss.backward(train_mode=False)
    for place, z in enumerate(inputs):
        step = 1e-6 * mx.nd.random.normal(shape=z.shape, dtype="float64")
        ends = []
        for end in (z + step, z - step):
            moved = [*inputs[:place], end, *inputs[place + 1 :]]
            ends.append((block(*moved) * direction).sum().asscalar())
        slope = (z.grad * step).sum().asscalar()
        np.testing.assert_allclose((ends[0] - ends[1]) / 2, slope, rtol=1e-5)
