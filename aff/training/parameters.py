"""Parameters of a network to a file and back, with every name and shape checked before any is set."""
from __future__ import annotations

from typing import Dict, List, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..errors import InputError
from .files import load_arrays, replacing

SHOWN = 3


def save_parameters(net: HybridBlock, path: str) -> None:
    """Save by structural name, as ``Block.save_parameters`` does, atomically."""
    with replacing(path) as temporary:
        net.save_parameters(temporary)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def misfits(net: HybridBlock, arrays: Dict[str, mx.nd.NDArray]) -> List[str]:
    """What keeps `arrays` from being this network's parameters, a phrase each; empty where they fit."""
    parameters = net._collect_params_with_prefix()
    missing = [name for name in parameters if name not in arrays]
    left_over = [name for name in arrays if name not in parameters]
    other = [f"{name} {arrays[name].shape} for {parameter.shape}" for name, parameter in parameters.items()
             if name in arrays and arrays[name].shape != parameter.shape]
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
    net.load_dict(arrays, ctx=list(ctx), cast_dtype=True)
