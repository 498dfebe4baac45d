"""Number formats of a training run, as parts handed to the trainer: plain float32, or float16 with
a loss scale.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock, Trainer

from ..utils.errors import InputError, RunError

DTYPES = ("float32", "float16")
ARRAYS_AT_ONCE = 200


def all_finite(arrays: Sequence[mx.nd.NDArray]) -> mx.nd.NDArray:
    """Return one array, 1 where every value of all the arrays (of one device, of any number format)
    is finite, else 0.
    """
    by_dtype: Dict[object, List[mx.nd.NDArray]] = defaultdict(list)
    for array in arrays:
        by_dtype[array.dtype].append(array)
    result = mx.nd.ones(1, ctx=arrays[0].context)
    for group in by_dtype.values():
        for start in range(0, len(group), ARRAYS_AT_ONCE):
            chunk = group[start : start + ARRAYS_AT_ONCE]
            mx.nd.multi_all_finite(*chunk, num_arrays=len(chunk), init_output=False, out=result)
    return result


def gradients(trainer: Trainer) -> List[mx.nd.NDArray]:
    """Return the first device's gradients; all devices' are the same once they have been summed."""
    return [
        parameter.list_grad()[0] for parameter in trainer._params if parameter.grad_req != "null"
    ]


class Float32:
    """Everything in float32."""

    dtype = "float32"
    optimizer_params: Dict[str, object] = {}
    #: Whether `update` makes sure itself that gradients are finite.
    checks_gradients = False

    def cast(self, net: HybridBlock) -> None:
        """Cast the network, once, after its initialization."""
        net.cast(self.dtype)

    def scale(self, loss):
        """Return what `backward` starts from."""
        return loss

    def update(self, trainer: Trainer, batch_size: int) -> bool:
        """Apply the gradients of a batch; False where they had to be thrown away."""
        trainer.step(batch_size)
        return True

    def trouble(self) -> str:
        """Return why gradients had to be thrown away."""
        return ""

    def state(self) -> Dict[str, float]:
        """Return what a resumed run needs to go on."""
        return {}

    def restore(self, state: Dict[str, float]) -> None:
        """Take up a `state`."""


class Float16(Float32):
    """The network in float16 (BatchNorm in float32), master weights and loss in float32, a loss
    scale.

    The scale starts at 65536, is halved when a gradient overflows (that step is left out), and
    doubled after 2000 steps without an overflow: the rule of mxnet's `LossScaler`, which checks
    gradients of one number format only.
    """

    dtype = "float16"
    checks_gradients = True
    optimizer_params = {"multi_precision": True}
    GROWTH_STEPS = 2000
    LARGEST_SCALE = 2.0**24

    def __init__(self):
        self.loss_scale = 2.0**16
        self.unskipped = 0
        self.skipped = 0

    def scale(self, loss):
        return loss * self.loss_scale

    def update(self, trainer: Trainer, batch_size: int) -> bool:
        trainer.allreduce_grads()
        if not all_finite(gradients(trainer)).asscalar():
            if self.loss_scale < 1:
                raise RunError(
                    "gradients overflow float16 at a loss scale below 1: the run has diverged; "
                    "lower the learning rate or use {dtype} float32"
                )
            self.loss_scale /= 2
            self.unskipped = 0
            self.skipped += 1
            return False
        trainer.update(batch_size * self.loss_scale)
        self.unskipped += 1
        if self.unskipped == self.GROWTH_STEPS:
            self.loss_scale = min(self.LARGEST_SCALE, 2 * self.loss_scale)
            self.unskipped = 0
        return True

    def trouble(self) -> str:
        return (
            f"a gradient overflowed float16, the loss scale backs off to {self.loss_scale:g} "
            f"({self.skipped} steps left out so far)"
        )

    def state(self) -> Dict[str, float]:
        return {"loss_scale": self.loss_scale, "unskipped": self.unskipped, "skipped": self.skipped}

    def restore(self, state: Dict[str, float]) -> None:
        self.loss_scale = float(state["loss_scale"])
        self.unskipped = int(state["unskipped"])
        self.skipped = int(state["skipped"])


def create_precision(dtype: str, devices: Sequence[mx.Context]) -> Float32:
    """Return the precision of this name.

    Raises
    ------
    InputError
        For float16 on a CPU, where mxnet has no convolutions for it.
    """
    if dtype == "float32":
        return Float32()
    if any(device.device_type == "cpu" for device in devices):
        raise InputError(
            f"{{dtype}} {dtype} needs a GPU: mxnet has no {dtype} convolutions on a CPU; use "
            "{dtype} float32"
        )
    return Float16()
