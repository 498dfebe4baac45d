"""Golden vectors of the fusions, for implementations in any framework: inputs, parameters, outputs
and gradients, in float64, from the formulas as they read (:mod:`aff.nn.reference`).
"""

from __future__ import annotations

import json
import os
from typing import Dict, List

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import HybridBlock

from ..nn.attention import global_context, local_context
from ..nn.create import create_fusion
from ..nn.fusion import describe_fusions
from ..nn.layers import Normalization
from ..nn.reference import REFERENCE, ReferenceFusion, ms_cam
from ..utils.files import folder_for_files, replacing
from ..utils.report import versions

CHANNELS, R, SHAPE = 16, 4, (4, 16, 5, 6)
MS_CAM = "MS-CAM"
EPSILON, MOMENTUM = 1e-5, 0.9
#: mxnet keeps the momentum in float32.
KEPT_MOMENTUM = float(np.float32(MOMENTUM))
Vectors = Dict[str, np.ndarray]


class _MSCAM(HybridBlock):
    """Compute M(Z) = sigmoid(L(Z) + g(Z)), equation 3."""

    def __init__(self):
        super().__init__()
        norm = Normalization()
        self.local_att = local_context(CHANNELS, R, norm)
        self.global_att = global_context(CHANNELS, R, norm)

    def hybrid_forward(self, F, z):
        return ms_cam(F, self, z)


def list_vectors() -> List[str]:
    """Return what there are vectors of: MS-CAM, and the fusions by their published names."""
    return [MS_CAM, *REFERENCE]


def _block(name: str) -> HybridBlock:
    block = _MSCAM() if name == MS_CAM else ReferenceFusion(create_fusion(name, CHANNELS, R))
    block.initialize()
    block.cast("float64")
    return block


def _draw(rng: np.random.Generator, name: str, shape: tuple) -> np.ndarray:
    """Return a parameter's value: none is 0 or 1, so that none can be left out unnoticed."""
    values = rng.normal(size=shape)
    if name.endswith(("gamma", "running_var")):
        return 1 + 0.5 * np.abs(values)
    return 0.5 * values


def compute_vectors(name: str) -> Vectors:
    """Compute the vectors of a fusion, or of MS-CAM.

    Parameters
    ----------
    name : str
        One of `list_vectors()`.

    Returns
    -------
    dict of str to numpy.ndarray
        All float64, but the text `about`. ``x`` and ``residual`` (of MS-CAM ``z``), each (N, C, H,
        W); ``cotangent``, of the output's shape: gradients are those of ``sum(cotangent *
        output)``; ``parameter/<name>``; and for ``inference`` and ``training`` each
        ``<mode>/output``, ``<mode>/gradient/<input or parameter>``, and after the training step
        ``training/after/<running statistic>``.
    """
    rng = np.random.default_rng(list_vectors().index(name))
    block = _block(name)
    inputs = {key: rng.normal(size=SHAPE) for key in _inputs(name)}
    parameters = block._collect_params_with_prefix()
    values = {key: _draw(rng, key, parameter.shape) for key, parameter in parameters.items()}
    found: Vectors = {**inputs, "cotangent": rng.normal(size=SHAPE)}
    found.update({f"parameter/{key}": value for key, value in values.items()})
    for mode in ("inference", "training"):
        for key, parameter in parameters.items():
            parameter.set_data(mx.nd.array(values[key], dtype="float64"))
        found.update(_pass(block, inputs, found["cotangent"], mode))
    for key, parameter in parameters.items():
        if parameter.grad_req == "null":
            found[f"training/after/{key}"] = _moved(values[key], parameter.data().asnumpy())
    found["about"] = np.array(json.dumps(_about(name)))
    return found


def _inputs(name: str) -> List[str]:
    return ["z"] if name == MS_CAM else ["x", "residual"]


def _pass(block: HybridBlock, inputs: Vectors, cotangent: np.ndarray, mode: str) -> Vectors:
    """Return output and gradients of one pass."""
    training = mode == "training"
    arrays = {key: mx.nd.array(value, dtype="float64") for key, value in inputs.items()}
    for array in arrays.values():
        array.attach_grad()
    with autograd.record(train_mode=training):
        output = block(*arrays.values())
    output.backward(mx.nd.array(cotangent, dtype="float64"), train_mode=training)
    parameters = block._collect_params_with_prefix()
    gradients = {key: array.grad for key, array in arrays.items()}
    gradients.update({key: p.grad() for key, p in parameters.items() if p.grad_req != "null"})
    found = {f"gradient/{key}": array for key, array in gradients.items()}
    found["output"] = output
    return {f"{mode}/{key}": array.asnumpy() for key, array in found.items()}


def _moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return a running statistic with a momentum of 0.9 in float64, of what it was before and after
    mxnet's step.
    """
    batch = (after - KEPT_MOMENTUM * before) / (1 - KEPT_MOMENTUM)
    return MOMENTUM * before + (1 - MOMENTUM) * batch


def _about(name: str) -> dict:
    described = {fusion: (aliases, text) for fusion, aliases, text in describe_fusions()}
    aliases, text = described.get(name, ([], "M(Z) = sigmoid(L(Z) + g(Z)), equation 3"))
    return {
        "name": name,
        "aliases": aliases,
        "what": text,
        "channels": CHANNELS,
        "r": R,
        "batch_norm": {"epsilon": EPSILON, "momentum": MOMENTUM, "variance": "biased"},
        "paper": "arXiv 2009.14082",
        "versions": versions(),
    }


def write_vectors(folder: str) -> List[str]:
    """Write all vectors, ``NAME.npz`` each; returns the paths."""
    paths = [os.path.join(folder, f"{name}.npz") for name in list_vectors()]
    with folder_for_files(folder):
        for name, path in zip(list_vectors(), paths):
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.savez_compressed(file, **compute_vectors(name))
    return paths
