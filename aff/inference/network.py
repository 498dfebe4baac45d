"""From an `EvaluationSpec` to a network that computes: ours, or an exported one elsewhere."""

from __future__ import annotations

from typing import Callable, Optional, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..export.networks import is_exported, open_exported
from ..models.factory import get_model
from ..models.pretrained import load_parameters, load_published
from ..training.amp import Float32
from ..training.network import make_ready_to_infer
from ..utils.errors import InputError
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
    net = get_model(spec.model, ctx=list(devices), **spec.kwargs)
    if precision:
        precision.cast(net)
    load_parameters(net, spec.params, list(devices))
    return net


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
