"""What every fusion has to pass, also one that is registered from outside; the package's tests run
it over the whole registry.
"""

from __future__ import annotations

import os
import tempfile

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import HybridBlock

from .create import create_fusion
from .fusion import resolve_fusion

CHANNELS, R, SHAPE = 16, 4, (3, 16, 5, 7)
#: Part of the largest output that compiled and imperative form may differ by.
TOLERANCE = 1e-5


def _created(name: str) -> HybridBlock:
    mx.random.seed(0)
    block = create_fusion(name, CHANNELS, R)
    block.initialize(mx.init.Xavier())
    return block


def _inputs() -> list:
    rng = np.random.default_rng(0)
    return [mx.nd.array(rng.normal(size=SHAPE), dtype="float32") for _ in range(2)]


def check_fusion(name: str) -> None:
    """Check that a registered fusion can stand in a network.

    It keeps the shape (N, C, H, W), gives finite values, gives every trainable parameter and both
    inputs a gradient, computes the same compiled and after its parameters were saved and loaded,
    and where it has a weight says what that weighs and gives it, each value from 0 to 1.

    Parameters
    ----------
    name : str
        Its name or an alias.

    Raises
    ------
    InputError
        For an unknown name.
    AssertionError
        Which says what the fusion does not do.
    """
    resolve_fusion(name)
    x, residual = _inputs()
    block = _created(name)
    _check_gradients(name, block, x, residual)
    expected = block(x, residual).asnumpy()
    assert expected.shape == SHAPE, f"{name} gives {expected.shape} for inputs of {SHAPE}"
    assert np.isfinite(expected).all(), f"{name} gives values that are not finite"
    _check_weight(name, block, x, residual)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fusion.params")
        if block.collect_params():
            block.save_parameters(path)
        again = _created(name)
        if block.collect_params():
            again.load_parameters(path)
        _check_same(f"{name}, saved and loaded,", again(x, residual), expected)
        again.hybridize()
        _check_same(f"{name}, compiled,", again(x, residual), expected)


def _check_gradients(name: str, block: HybridBlock, x: mx.nd.NDArray, residual: mx.nd.NDArray):
    for array in (x, residual):
        array.attach_grad()
    with autograd.record():
        output = block(x, residual)
        loss = (output * mx.nd.array(np.random.default_rng(1).normal(size=SHAPE))).sum()
    loss.backward()
    for what, array in (("x", x), ("residual", residual)):
        gradient = array.grad.asnumpy()
        assert np.isfinite(gradient).all() and gradient.any(), f"{name}: no gradient for {what}"
    for parameter in block.collect_params().values():
        if parameter.grad_req != "null":
            gradient = parameter.grad().asnumpy()
            assert np.isfinite(gradient).all(), f"{name}: the gradient of {parameter.name}"
            # a bias before a normalisation has a gradient of zero
            zero = parameter.name.endswith("bias") or gradient.any()
            assert zero, f"{name}: {parameter.name} gets no gradient"


def _check_weight(name: str, block: HybridBlock, x: mx.nd.NDArray, residual: mx.nd.NDArray):
    weighs = getattr(block, "weighs", "")
    if not weighs:
        return
    assert weighs in ("the body", "the shortcut", "both"), f"{name} weighs {weighs!r}"
    weight = block.weight(x, residual).asnumpy()
    assert weight.shape == SHAPE, f"{name}: its weight has the shape {weight.shape}"
    assert weight.min() >= 0 and weight.max() <= 1, f"{name}: its weight is not from 0 to 1"


def _check_same(what: str, found: mx.nd.NDArray, expected: np.ndarray) -> None:
    difference = np.abs(found.asnumpy() - expected).max() / np.abs(expected).max()
    assert difference < TOLERANCE, f"{what} differs by {difference:.1e} of its largest value"
