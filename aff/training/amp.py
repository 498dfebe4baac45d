"""Number formats of a training run, as parts handed to the trainer: plain float32, or float16 with
a loss scale.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Dict, Optional, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Trainer

from ..utils.errors import InputError, RunError
from ..utils.json_file import ranged, typed
from .grad_clip import GradientClipper
from .loss_scale import ScaleState, all_finite, gradients
from .optimizers import OPTIMIZERS

DTYPES = ("float32", "float16")


class Float32:
    """Everything in float32."""

    dtype = "float32"
    #: Whether `update` makes sure itself that gradients are finite.
    checks_gradients = False

    def cast(self, net: HybridBlock) -> None:
        """Cast the network, once, after its initialization."""
        net.cast(self.dtype)

    def create_optimizer(self, kind: str = "nag", **settings) -> mx.optimizer.Optimizer:
        """Return the optimizer of this name (`OPTIMIZERS`), of these `settings`."""
        return OPTIMIZERS[kind][0](**settings)

    def scale(self, loss):
        """Return what `backward` starts from."""
        return loss

    def update(
        self, trainer: Trainer, batch_size: int, clipper: Optional[GradientClipper] = None
    ) -> Optional[ScaleState]:
        """Apply the gradients of a batch, clipped where there is a `clipper`, without waiting for
        them; what `trouble` reads later.
        """
        trainer.allreduce_grads()
        if clipper:
            for index in range(len(trainer._contexts)):
                grads = gradients(trainer, index)
                factor = clipper.factor(grads, batch_size, index)
                for grad in grads:
                    mx.nd.broadcast_mul(grad, factor.reshape((1,) * grad.ndim), out=grad)
        trainer.update(batch_size)
        return None

    def masters(self, trainer: Trainer, device: int) -> Dict[int, mx.nd.NDArray]:
        """Return the float32 values of the parameters, by their ids, that have other ones."""
        return {}

    def trouble(self, after: Optional[ScaleState]) -> Optional[str]:
        """Return why the step that `update` returned this for was left out, if it was; waits."""
        return None

    def state(self) -> Dict[str, float]:
        """Return what a resumed run needs to go on; waits for the devices."""
        return {}

    def restore(self, state: Dict[str, float]) -> None:
        """Take up a `state`."""


@dataclass(frozen=True)
class SavedScale:
    """A loss scale as checkpoints keep it (see `ScaleState`)."""

    loss_scale: float = ranged(2.0**-20, 2.0**40)
    unskipped: int = ranged(0)
    skipped: int = ranged(0)


class Float16(Float32):
    """The network in float16 (BatchNorm in float32), master weights and loss in float32, a loss
    scale that lives on the devices.
    """

    dtype = "float16"
    checks_gradients = True

    def __init__(self):
        self._known = ScaleState()
        self._on: Dict[mx.Context, ScaleState] = {}

    def create_optimizer(self, kind: str = "nag", **settings) -> mx.optimizer.Optimizer:
        return OPTIMIZERS[kind][1](**settings)

    def _state_on(self, device: mx.Context) -> ScaleState:
        if device not in self._on:
            self._on[device] = self._known.on(device)
        return self._on[device]

    def scale(self, loss):
        return mx.nd.broadcast_mul(loss, self._state_on(loss.context).loss_scale)

    def update(
        self, trainer: Trainer, batch_size: int, clipper: Optional[GradientClipper] = None
    ) -> Optional[ScaleState]:
        trainer.allreduce_grads()
        devices = trainer._contexts
        for index, device in enumerate(devices):
            before = self._state_on(device)
            grads = gradients(trainer, index)
            finite = all_finite(grads)
            repeated = finite.broadcast_to((max(map(len, grads)),))
            scale = before.loss_scale
            if clipper:
                scale = scale / clipper.factor(grads, scale * batch_size, index)
            trainer._optimizer.gates[device] = (repeated, scale)
            self._on[device] = before.after(finite)
        trainer.update(batch_size)
        return self._on[devices[0]]

    def masters(self, trainer: Trainer, device: int) -> Dict[int, mx.nd.NDArray]:
        return {
            id(trainer._params[index]): state[1]
            for index, state in trainer._updaters[device].states.items()
            if np.dtype(trainer._params[index].dtype) == np.float16
        }

    def trouble(self, after: Optional[ScaleState]) -> Optional[str]:
        if not after or after.skipped.asscalar() == self._known.skipped:
            return None
        self._known = now = after.read()
        if now.loss_scale < 0.5:
            raise RunError(
                "gradients overflow float16 at a loss scale below 1: the run has diverged; lower "
                "the learning rate or use {dtype} float32"
            )
        return (
            f"a gradient overflowed float16, the loss scale backs off to {now.loss_scale:g} "
            f"({now.skipped} steps left out so far)"
        )

    def state(self) -> Dict[str, float]:
        for state in self._on.values():
            return asdict(state.read())
        return asdict(self._known)

    def restore(self, state: Dict[str, float]) -> None:
        known = typed(state, SavedScale, "precision")
        self._known = ScaleState(known.loss_scale, known.unskipped, known.skipped)
        self._on = {}


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
