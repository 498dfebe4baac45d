"""The native operators in networks: what they can compute, and the calls."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from typing import Any, ContextManager, Iterator, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Parameter, nn

from ...compat import native_wanted
from .build import Unavailable, library

_TRACING, _LOADING = threading.local(), threading.Lock()
#: What the operator is told of BatchNorm, and what it takes to be so.
_TOLD = ("eps", "momentum", "use_global_stats")
_USUAL = {"axis": 1, "fix_gamma": False}


def why_not() -> str:
    """Return why there is no native operator in this process; an empty text where there is. It is
    compiled and loaded first, where that has not been done.
    """
    with _LOADING:
        return _why_not()


@functools.lru_cache(maxsize=None)
def _why_not() -> str:
    if not native_wanted():
        return "AFF_NATIVE=0"
    try:
        mx.library.load(os.path.abspath(library()), False)
    except (Unavailable, mx.MXNetError, RuntimeError) as error:
        return (str(error).strip().splitlines() or ["it cannot be loaded"])[-1]
    return ""


@contextlib.contextmanager
def _graphs(native: bool) -> Iterator[None]:
    before = getattr(_TRACING, "native", None)
    # Who made graphs for others goes on to, whatever is compiled within.
    _TRACING.native = False if before is False else native
    try:
        yield
    finally:
        _TRACING.native = before


def tracing() -> ContextManager[None]:
    """In here graphs are made to be run in this process, and may hold the native operator."""
    return _graphs(True)


def without() -> ContextManager[None]:
    """In here graphs are made of mxnet's own operators alone, for others to read."""
    return _graphs(False)


def computes(F: Any, layers: Sequence[HybridBlock], norms: int) -> bool:
    """Tell whether the operators compute what these layers, of which `norms` are to be BatchNorms,
    compute in a block whose form is the one for CPUs.

    They do in float32 on CPUs, by plain BatchNorms of one kind, in this process: not in a graph
    that is made to be exported.
    """
    if not _may_hold(F):
        return False
    plain = [layer for layer in layers if type(layer) is nn.BatchNorm]
    told = {_told(norm) for norm in plain}
    if len(plain) != norms or len(told) != 1 or None in told:
        return False
    parameters = [p for layer in layers for p in layer.collect_params().values()]
    return all(_serves(parameter) for parameter in parameters) and not why_not()


def resizes(F: Any, block: HybridBlock) -> bool:
    """Tell whether `resize` serves in a block, which says by its parameters where it computes, and
    in which number format; one without parameters says nothing.
    """
    parameters = block.collect_params().values() if _may_hold(F) else ()
    return bool(parameters) and all(map(_serves, parameters)) and not why_not()


def _may_hold(F: Any) -> bool:
    """Tell whether what is computed, or compiled, runs in this process."""
    wanted = getattr(_TRACING, "native", None)
    mixed = sys.modules.get("mxnet.contrib.amp.amp")
    if getattr(mixed, "_amp_initialized", False):  # maps are of other formats than parameters
        return False
    return wanted is not False and bool(wanted or F is mx.nd)


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

    maps = [x, residual] if z is None else [x, residual, z]
    layers = [_layers(local), _layers(pooled)]
    return _call(
        *(F, F._internal._aff_select, maps),
        [parameter for context in layers for parameter in _learned(context)],
        [parameter for context in layers for parameter in _running(context[1::2])],
        layers[0][1],
        own_z=int(z is not None),
        inner=layers[0][1].gamma.shape[0],
        scale=scale,
        relu=int(activate),
    )


def normalize_and_activate(F: Any, norm: nn.BatchNorm, x: Any) -> Any:
    """Return ``relu(norm(x))``: (N, C, H, W) to the same."""
    learned = [norm.gamma, norm.beta]
    return _call(F, F._internal._aff_norm_relu, [x], learned, _running([norm]), norm)


def resize(F: Any, z: Any, like: Any) -> Any:
    """Resize a map bilinearly, between the centres of pixels: (N, C, h, w) and another map (., .,
    H, W) to (N, C, H, W).
    """
    size = F.stop_gradient(F.slice_axis(like, axis=1, begin=0, end=1))
    return F._internal._aff_resize(F.identity(z), size)


def _call(
    F: Any,
    operator: Any,
    maps: Sequence[Any],
    learned: Sequence[Parameter],
    running: Sequence[Parameter],
    norm: nn.BatchNorm,
    **attributes: Any,
) -> Any:
    """Return the operator's first output; the others are for its backward."""

    def value(parameter: Parameter) -> Any:
        return parameter.var() if F is mx.sym else parameter.data(maps[0].context)

    one = F.ones((1,)) if F is mx.sym else F.ones((1,), ctx=maps[0].context)
    told = dict(zip(_TOLD, _told(norm) or ()))
    # An operator writes its gradients, whatever there is: what may have to be added is a copy's.
    return operator(
        *map(F.identity, maps),
        F.Dropout(one, p=0.5),  # 1 in inference alone: mxnet tells an operator in no other way
        *(F.identity(value(parameter)) for parameter in learned),
        *map(value, running),
        eps=told["eps"],
        momentum=told["momentum"],
        frozen=int(told["use_global_stats"]),
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


def _running(norms: Sequence[nn.BatchNorm]) -> List[Parameter]:
    return [value for norm in norms for value in (norm.running_mean, norm.running_var)]
