"""float16's loss scale, kept on the devices: whether a step's
gradients were finite decides there, and nobody waits to hear it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List

import mxnet as mx
from mxnet.gluon import Trainer

GROWTH_STEPS = 2000
LARGEST_SCALE = 2.0**24
ARRAYS_AT_ONCE = 200


def all_finite(arrays: List[mx.nd.NDArray]) -> mx.nd.NDArray:
    """Return one array, 1 where every value of all the arrays (of one device, of any number format)
    is finite, else 0.
    """
    by_dtype: Dict[object, List[mx.nd.NDArray]] = {}
    for array in arrays:
        by_dtype.setdefault(array.dtype, []).append(array)
    result = mx.nd.ones(1, ctx=arrays[0].context)
    for group in by_dtype.values():
        for start in range(0, len(group), ARRAYS_AT_ONCE):
            chunk = group[start : start + ARRAYS_AT_ONCE]
            mx.nd.multi_all_finite(*chunk, num_arrays=len(chunk), init_output=False, out=result)
    return result


def gradients(trainer: Trainer, device: int = 0) -> List[mx.nd.NDArray]:
    """Return the gradients on a device; all devices' are the same once they have been summed."""
    return [
        parameter.list_grad()[device]
        for parameter in trainer._params
        if parameter.grad_req != "null"
    ]


@dataclass
class ScaleState:
    """A loss scale: of one device as arrays of shape (1,), float32, or read as numbers.

    The scale is halved when a gradient overflows (that step is left out) and doubled after 2000
    steps without an overflow: the rule of mxnet's `LossScaler`.

    Parameters
    ----------
    loss_scale : NDArray or float
        What the loss is multiplied by.
    unskipped : NDArray or int
        Steps since the scale last changed.
    skipped : NDArray or int
        Steps left out.
    """

    loss_scale: Any = 2.0**16
    unskipped: Any = 0
    skipped: Any = 0

    def on(self, device: mx.Context) -> ScaleState:
        """Return the state, given as numbers, as arrays on a device."""
        return ScaleState(*(mx.nd.array([value], ctx=device) for value in vars(self).values()))

    def read(self) -> ScaleState:
        """Return the state, given as arrays, as numbers; waits for the device."""
        scale, unskipped, skipped = (value.asscalar().item() for value in vars(self).values())
        return ScaleState(scale, int(unskipped), int(skipped))

    def after(self, finite: mx.nd.NDArray) -> ScaleState:
        """Return the state after a step whose gradients were `finite` (1) or not (0)."""
        unskipped = (self.unskipped + 1) * finite
        grown = unskipped >= GROWTH_STEPS
        up = mx.nd.where(grown, mx.nd.minimum(self.loss_scale * 2, LARGEST_SCALE), self.loss_scale)
        return ScaleState(
            mx.nd.where(finite, up, self.loss_scale / 2),
            unskipped * (1 - grown),
            self.skipped + (1 - finite),
        )
