"""Number formats of a training run, as parts handed to the loop: plain float32, or float16 with a loss scale."""
from __future__ import annotations

from typing import Dict, Optional, Sequence

import mxnet as mx
from mxnet.contrib.amp.loss_scaler import LossScaler
from mxnet.gluon import HybridBlock, Trainer

from ..errors import InputError, RunError

DTYPES = ("float32", "float16")
ARRAYS_AT_ONCE = 200


class Float32:
    """Everything in float32."""

    dtype = "float32"
    optimizer_params: Dict[str, object] = {}

    def prepare(self, net: HybridBlock) -> None:
        """Cast the network, once, after its initialization."""
        net.cast(self.dtype)

    def scale(self, loss):
        """What `backward` starts from."""
        return loss

    def update(self, trainer: Trainer, batch_size: int) -> bool:
        """Apply the gradients of a batch; False where they had to be thrown away."""
        trainer.step(batch_size)
        return True

    def all_finite(self, trainer: Trainer) -> Optional[mx.nd.NDArray]:
        """One array, 1 where every gradient just applied is finite; None where `update` has looked after that."""
        gradients = [parameter.list_grad()[0] for parameter in trainer._params if parameter.grad_req != "null"]
        result = mx.nd.ones(1, ctx=gradients[0].context)
        for start in range(0, len(gradients), ARRAYS_AT_ONCE):
            chunk = gradients[start:start + ARRAYS_AT_ONCE]
            mx.nd.multi_all_finite(*chunk, num_arrays=len(chunk), init_output=False, out=result)
        return result

    def state(self) -> Dict[str, float]:
        """What a resumed run needs to go on."""
        return {}

    def restore(self, state: Dict[str, float]) -> None:
        """Take up a `state`."""


class Float16(Float32):
    """The network in float16 (BatchNorm in float32), master weights and loss in float32, a loss scale.

    The scale starts at 65536, is halved when a gradient overflows (that step is left out), and doubled after 2000
    steps without an overflow (mxnet's `LossScaler`).
    """

    dtype = "float16"
    optimizer_params = {"multi_precision": True}

    def __init__(self):
        self.scaler = LossScaler()
        self.skipped = 0

    def scale(self, loss):
        return loss * self.scaler.loss_scale

    def update(self, trainer: Trainer, batch_size: int) -> bool:
        trainer.allreduce_grads()
        used = self.scaler.loss_scale
        parameters = [parameter for parameter in trainer._params if parameter.grad_req != "null"]
        if self.scaler.has_overflow(parameters):
            self.skipped += 1
            if used < 1:
                raise RunError("gradients overflow float16 at a loss scale below 1: the run has diverged; lower the "
                               "learning rate or use --dtype float32")
            self._apply_next_scale()
            return False
        trainer.update(batch_size * used)
        self._apply_next_scale()
        return True

    def all_finite(self, trainer: Trainer) -> None:
        return None

    def _apply_next_scale(self) -> None:
        self.scaler._loss_scale = self.scaler._next_loss_scale

    def state(self) -> Dict[str, float]:
        return {"loss_scale": self.scaler.loss_scale, "unskipped": self.scaler._unskipped, "skipped": self.skipped}

    def restore(self, state: Dict[str, float]) -> None:
        self.scaler._loss_scale = self.scaler._next_loss_scale = float(state["loss_scale"])
        self.scaler._unskipped = int(state["unskipped"])
        self.skipped = int(state["skipped"])


def create_precision(dtype: str, devices: Sequence[mx.Context]) -> Float32:
    """The precision of this name.

    Raises
    ------
    InputError
        For float16 on a CPU, where mxnet has no convolutions for it.
    """
    if dtype == "float32":
        return Float32()
    if any(device.device_type == "cpu" for device in devices):
        raise InputError(f"--dtype {dtype} needs a GPU: mxnet has no {dtype} convolutions on a CPU; "
                         "use --dtype float32")
    return Float16()
