"""Which form of the fusions' arithmetic runs where: one rule, in one place.

===========  ==================================  =================================================
form         runs                                because of mxnet 1.9.1
===========  ==================================  =================================================
`NATIVE`     on CPUs, and wherever no device     each of its elementwise operators reads and
             was named: `AFF` and `iAFF`, where  writes whole maps. One operator of our own
             :func:`computes_natively` finds     (:mod:`.native`) needs two passes forward and
             that it serves; else it is `CPU`    three backward
`CPU`        on CPUs otherwise                   time goes into layouts and reductions: maps are
                                                 taken to (N, C, HW) once, and a product with ones
                                                 stands for a broadcast (see :mod:`.attention`)
`GPU`        where a GPU is among the devices    it fuses elementwise operators, but no
             that a network is built for         reshape_like and no batch_dot; batch_dot and
                                                 adaptive pooling sum in half precision. So maps
                                                 stay (N, C, H, W), a broadcast sum (whose gradient
                                                 is a compensated sum) adds what is pooled, and
                                                 cuDNN pools, which accumulates in float32
`REFERENCE`  where it is asked for: tests,       the formulas as they read (:mod:`.reference`)
             benchmarks, exports
===========  ==================================  =================================================

All compute the same function; a test holds them to one another, forward and backward.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Iterator, Sequence, Union

import mxnet as mx
from mxnet import Context
from mxnet.gluon import Block, HybridBlock, nn
from mxnet.gluon.block import _regroup

from . import one_image
from .native import operator

#: What a channel context consists of, but for its pooling.
BOTTLENECK = [nn.Conv2D, nn.BatchNorm, nn.Activation, nn.Conv2D, nn.BatchNorm]
NATIVE, CPU, GPU, REFERENCE = "native", "cpu", "gpu", "reference"
_CURRENT = threading.local()


def form_for(ctx: Union[Context, Sequence[Context], None]) -> str:
    """Return the form that runs on these devices."""
    devices = [ctx] if isinstance(ctx, Context) else list(ctx or ())
    return GPU if any(device.device_type == "gpu" for device in devices) else NATIVE


def choose_form(net: Block, form: str) -> None:
    """Have a network, and all blocks in it, compute in this form."""
    if isinstance(net, Formed):
        net.form = form
    if isinstance(net, HybridBlock):
        net._clear_cached_op()
    for child in net._children.values():
        choose_form(child, form)


def current_form() -> str:
    """Return the form of what is being computed, or compiled."""
    return getattr(_CURRENT, "form", CPU)


def keeps_maps() -> bool:
    """Tell whether maps stay (N, C, H, W): in every form but the one for CPUs."""
    return current_form() != CPU


@contextlib.contextmanager
def _using(form: str) -> Iterator[None]:
    before = current_form()
    _CURRENT.form = CPU if form == NATIVE else form
    try:
        yield
    finally:
        _CURRENT.form = before


def computes_natively(F: Any, fusion: Block, *contexts: HybridBlock) -> bool:
    """Tell whether a fusion over these contexts computes by the native operator; `F` is what its
    `hybrid_forward` is given.
    """
    if fusion.form != NATIVE or not all(map(_is_plain, contexts)):
        return False
    layers = [layer for context in contexts for layer in context]
    return operator.computes(F, layers, 2 * len(contexts))


def _is_plain(context: HybridBlock) -> bool:
    """Tell whether a channel context is what was built, which nobody watches: its pooling, where it
    has one, and a bottleneck.
    """
    layers = list(context)
    pooling, bottleneck = layers[: -len(BOTTLENECK)], layers[-len(BOTTLENECK) :]
    return (
        len(pooling) < 2
        and all(isinstance(layer, Formed) for layer in pooling)
        and [type(layer) for layer in bottleneck] == BOTTLENECK
        and not any(map(hooked, [context, *layers]))
    )


def hooked(block: Block) -> bool:
    """Tell whether somebody watches a block, which has to be called then."""
    return bool(block._forward_hooks or block._forward_pre_hooks)


class Compiling(HybridBlock):
    """A block that compiles its graph for this process: it may hold the native operator, unless
    the graph is exported.
    """

    _cached_graph: Any  # Gluon's, as these
    _in_format: Any
    _out_format: Any

    def forward(self, x, *args):
        one_image.watch(self, x)
        return super().forward(x, *args)

    def _build_cache(self, *args):
        with operator.tracing():
            return super()._build_cache(*args)

    def export(self, path, epoch=0, remove_amp_cast=True):
        compiled, forms = self._cached_graph, (self._in_format, self._out_format)
        try:
            if compiled:
                self._cached_graph = ()
                inputs = _regroup([mx.nd.zeros(1) for _ in compiled[0]], forms[0])
                with operator.without():
                    self._get_graph(*inputs)
            return super().export(path, epoch, remove_amp_cast)
        finally:
            self._cached_graph = compiled
            self._in_format, self._out_format = forms


class Formed(Compiling):
    """A block whose arithmetic has several forms; `form` is the one that it computes in."""

    form = NATIVE

    def forward(self, x, *args):
        with _using(self.form):
            return super().forward(x, *args)
