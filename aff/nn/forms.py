"""Which form of the fusions' arithmetic runs where: one rule, in one place.

=========  ==================================  ===================================================
form       runs                                because of mxnet 1.9.1
=========  ==================================  ===================================================
`CPU`      on CPUs, and wherever no device     time goes into layouts and reductions: maps are
           was named                           taken to (N, C, HW) once, and a product with ones
                                               stands for a broadcast (see :mod:`.attention`)
`GPU`      where a GPU is among the devices    it fuses elementwise operators, but no reshape_like
           that a network is built for         and no batch_dot; batch_dot and adaptive pooling
                                               sum in half precision. So maps stay (N, C, H, W), a
                                               broadcast sum (whose gradient is a compensated sum)
                                               adds what is pooled, and cuDNN pools, which
                                               accumulates in float32
reference  where it is asked for: tests,       the formulas as they read (:mod:`.reference`)
           benchmarks
=========  ==================================  ===================================================

All compute the same function; a test holds them to one another, forward and backward.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Iterator, Sequence, Union

from mxnet import Context
from mxnet.gluon import Block, HybridBlock

CPU, GPU = "cpu", "gpu"
_CURRENT = threading.local()


def form_for(ctx: Union[Context, Sequence[Context], None]) -> str:
    """Return the form that runs on these devices."""
    devices = [ctx] if isinstance(ctx, Context) else list(ctx or ())
    return GPU if any(device.device_type == "gpu" for device in devices) else CPU


def choose_form(net: Block, form: str) -> None:
    """Have a network, and all blocks in it, compute in this form."""
    if isinstance(net, Formed):
        net.form = form
    if isinstance(net, HybridBlock):
        net._clear_cached_op()
    for child in net._children.values():
        choose_form(child, form)


def on_gpu() -> bool:
    """Tell whether what is being computed, or compiled, is in the form for GPUs."""
    return getattr(_CURRENT, "form", CPU) == GPU


@contextlib.contextmanager
def _using(form: str) -> Iterator[None]:
    before = getattr(_CURRENT, "form", CPU)
    _CURRENT.form = form
    try:
        yield
    finally:
        _CURRENT.form = before


class Formed(HybridBlock):
    """A block whose arithmetic has several forms; `form` is the one that it computes in."""

    form = CPU

    def forward(self, x, *args):
        with _using(self.form):
            return super().forward(x, *args)
