"""From an `EvaluationSpec` to a network that computes: ours, or an exported one elsewhere."""

from __future__ import annotations

from typing import Callable, Optional, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..export.networks import is_exported, open_exported
from ..models.parameters import refuse_misfit
from ..models.pretrained import build_with, load_published
from ..models.registry import build_network
from ..training.amp import Float32
from ..training.network import make_ready_to_infer
from ..utils.errors import InputError
from ..utils.params_file import ArrayFile
from .spec import EvaluationSpec


def load_network(
    spec: EvaluationSpec,
    devices: Sequence[mx.Context],
    precision: Optional[Float32] = None,
    root: Optional[str] = None,
) -> HybridBlock:
    """Return the network with its parameters on the devices; `precision` is its number format."""
    if spec.weights:
        return load_published(spec.weights.name, list(devices), root)
    if is_exported(spec.params):
        raise InputError(f"{spec.params} is of another runtime: this needs a .params file")
    cast = (precision or Float32()).cast
    return build_with(spec.model, spec.kwargs, spec.params, list(devices), cast)


def check_fits(spec: EvaluationSpec) -> None:
    """Refuse a parameter file that is not of the network that is said, before that is allocated.

    Raises
    ------
    InputError
        For a file that cannot be read; `Misfit` for one that does not fit.
    """
    refuse_misfit(build_network(spec.model, **spec.kwargs), ArrayFile(spec.params))


def ready_network(
    spec: EvaluationSpec,
    devices: Sequence[mx.Context],
    precision: Float32,
    mode: str,
    root: Optional[str] = None,
) -> Callable[[mx.nd.NDArray], mx.nd.NDArray]:
    """Return the network ready for inference: ours, or an exported one in its own runtime."""
    if not is_exported(spec.params):
        net = load_network(spec, devices, precision, root)
        return make_ready_to_infer(net, devices, precision, mode)
    if len(devices) > 1 or devices[0].device_type != "cpu":
        raise InputError(f"{spec.params} runs on one CPU device here: {{cpus}} 1")
    exported = open_exported(spec.params, spec.model, spec.kwargs)
    return lambda data: mx.nd.array(exported(data.asnumpy()))
