"""The native operator in networks: what it can compute, and the call."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Parameter, nn

from ...compat import native_wanted
from .build import Unavailable, library

_TRACING = threading.local()
#: What the operator is told of BatchNorm, and what it takes to be so.
_TOLD = ("eps", "momentum", "use_global_stats")
_USUAL = {"axis": 1, "fix_gamma": False}


@functools.lru_cache(maxsize=None)
def why_not() -> str:
    """Return why there is no native operator in this process; an empty text where there is. It is
    compiled and loaded first, where that has not been done.
    """
    if not native_wanted():
        return "AFF_NATIVE=0"
    try:
        mx.library.load(os.path.abspath(library()), False)
    except (Unavailable, mx.MXNetError, RuntimeError) as error:
        return (str(error).strip().splitlines() or ["it cannot be loaded"])[0]
    return ""


def describe() -> str:
    """Return which form `AFF` and `iAFF` have on CPUs in this process, and why, for people."""
    reason = why_not()
    return f"Gluon's operators ({reason})" if reason else "native"


@contextlib.contextmanager
def tracing() -> Iterator[None]:
    """In here graphs are made to be run in this process, and may hold the native operator."""
    before = getattr(_TRACING, "on", False)
    _TRACING.on = True
    try:
        yield
    finally:
        _TRACING.on = before


@contextlib.contextmanager
def without() -> Iterator[None]:
    """In here graphs are made of mxnet's own operators alone, for others to read."""
    before = getattr(_TRACING, "off", False)
    _TRACING.off = True
    try:
        yield
    finally:
        _TRACING.off = before


def computes(F: Any, contexts: Sequence[HybridBlock]) -> bool:
    """Tell whether the operator computes what these contexts, of a fusion whose form is the one for
    CPUs, compute.

    It does in float32 on CPUs, by plain BatchNorms of one kind, in this process: not in a graph
    that is made to be exported.
    """
    off, on = getattr(_TRACING, "off", False), getattr(_TRACING, "on", False)
    if off or not (on or F is mx.nd):
        return False
    norms = [layer for context in contexts for layer in context if isinstance(layer, nn.BatchNorm)]
    if any(type(norm) is not nn.BatchNorm for norm in norms) or len(norms) != 2 * len(contexts):
        return False
    if any(_told(norm) is None or _told(norm) != _told(norms[0]) for norm in norms):
        return False
    parameters = [p for context in contexts for p in context.collect_params().values()]
    return all(_serves(parameter) for parameter in parameters) and not why_not()


def _told(norm: nn.BatchNorm) -> Optional[Tuple]:
    settings = norm._kwargs
    if any(settings[name] != value for name, value in _USUAL.items()):
        return None
    return tuple(settings[name] for name in _TOLD)


def _serves(parameter: Parameter) -> bool:
    if np.dtype(parameter.dtype) != np.float32 or parameter._stype != "default":
        return False
    return all(device.device_type == "cpu" for device in parameter._ctx_list or ())


def select(
    F: Any,
    local: HybridBlock,
    pooled: HybridBlock,
    x: Any,
    residual: Any,
    z: Any = None,
    scale: float = 1,
    activate: bool = False,
) -> Any:
    """Select softly: ``scale 2 (w x + (1 - w) residual)``, w = sigmoid(L(Z) + g(Z)).

    Parameters
    ----------
    F : module
        `mx.nd` or `mx.sym`.
    local, pooled : HybridBlock
        The contexts L and g as :mod:`..attention` builds them.
    x, residual : NDArray or Symbol
        (N, C, H, W).
    z : NDArray or Symbol, optional
        Z; by default ``x + residual``.
    scale : float, default 1
        A half gives the convex combination.
    activate : bool, default False
        Whether relu follows.

    Returns
    -------
    NDArray or Symbol
        (N, C, H, W).
    """

    def value(parameter: Parameter) -> Any:
        return parameter.var() if F is mx.sym else parameter.data(x.context)

    maps = [x, residual] if z is None else [x, residual, z]
    layers = [_layers(local), _layers(pooled)]
    learned = [value(p) for context in layers for p in _learned(context)]
    running = [value(p) for context in layers for p in _running(context)]
    one = F.ones((1,)) if F is mx.sym else F.ones((1,), ctx=x.context)
    told = dict(zip(_TOLD, _told(layers[0][1]) or ()))
    attributes: Dict[str, Any] = {
        "own_z": int(z is not None),
        "inner": layers[0][1].gamma.shape[0],
        "eps": told["eps"],
        "momentum": told["momentum"],
        "frozen": int(told["use_global_stats"]),
        "scale": scale,
        "relu": int(activate),
    }
    # The operator writes its gradients, whatever there is: what may have to be added is a copy's.
    return F._internal._aff_select(
        *map(F.identity, maps),
        F.Dropout(
            one, p=0.5
        ),  # which is 1 in inference alone: mxnet tells operators in no other way
        *map(F.identity, learned),
        *running,
        **attributes,
    )[0]


def _layers(context: HybridBlock) -> List[HybridBlock]:
    """Return convolution, BatchNorm, convolution, BatchNorm."""
    return [layer for layer in context if isinstance(layer, (nn.Conv2D, nn.BatchNorm))]


def _learned(layers: Sequence[HybridBlock]) -> List[Parameter]:
    reduce, norm1, expand, norm2 = layers
    return [
        *(reduce.weight, reduce.bias, norm1.gamma, norm1.beta),
        *(expand.weight, expand.bias, norm2.gamma, norm2.beta),
    ]


def _running(layers: Sequence[HybridBlock]) -> List[Parameter]:
    return [value for norm in layers[1::2] for value in (norm.running_mean, norm.running_var)]
