"""Parameters to a file and back, with every name and shape checked before any is set."""

from __future__ import annotations

from typing import Dict, List, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..errors import InputError
from .files import load_arrays, replacing

SHOWN = 3


def save_parameters(net: HybridBlock, path: str) -> None:
    """Save the first device's values by structural name, in the format of
    ``Block.save_parameters``, atomically.
    """
    arrays = {
        name: parameter.data(parameter.list_ctx()[0]).as_in_context(mx.cpu())
        for name, parameter in net._collect_params_with_prefix().items()
    }
    with replacing(path) as temporary:
        mx.nd.save(temporary, arrays)


def copy_parameters(source: HybridBlock, target: HybridBlock) -> None:
    """Set every parameter of `target`, on all its devices, to that of `source` on its first."""
    parameters = source._collect_params_with_prefix()
    for name, parameter in target._collect_params_with_prefix().items():
        parameter.set_data(parameters[name].data(parameters[name].list_ctx()[0]))


def average_statistics(net: HybridBlock) -> None:
    """Give all devices the mean of their running statistics, in which alone they differ."""
    for parameter in net.collect_params().values():
        if parameter.grad_req == "null" and len(parameter.list_ctx()) > 1:
            values = [array.as_in_context(mx.cpu()) for array in parameter.list_data()]
            parameter.set_data(mx.nd.add_n(*values) / len(values))


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def misfits(net: HybridBlock, arrays: Dict[str, mx.nd.NDArray]) -> List[str]:
    """What keeps `arrays` from being this network's parameters, a phrase each; empty where they
    fit.
    """
    parameters = net._collect_params_with_prefix()
    missing = [name for name in parameters if name not in arrays]
    left_over = [name for name in arrays if name not in parameters]
    other = [
        f"{name} {arrays[name].shape} for {parameter.shape}"
        for name, parameter in parameters.items()
        if name in arrays and arrays[name].shape != parameter.shape
    ]
    findings = (("missing", missing), ("left over", left_over), ("of another shape", other))
    return [f"{len(names)} {what}: {_few(names)}" for what, names in findings if names]


def load_parameters(net: HybridBlock, path: str, ctx: Sequence[mx.Context]) -> None:
    """Load a file saved by `save_parameters` or ``Block.save_parameters``.

    Raises
    ------
    InputError
        For a file that cannot be read or does not fit; the network is then as before.
    """
    arrays = load_arrays(path)
    trouble = misfits(net, arrays)
    if trouble:
        raise InputError(f"{path} does not fit this network: {'; '.join(trouble)}")
    for name, parameter in net._collect_params_with_prefix().items():
        parameter._load_init(arrays[name], list(ctx), cast_dtype=True, dtype_source="current")
