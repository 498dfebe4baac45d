"""Learning-rate schedules: the rate as a pure function of the step, on GluonCV's schedulers."""

from __future__ import annotations

from typing import Callable, Sequence

from gluoncv.utils import LRScheduler, LRSequential

from ..utils.errors import InputError

Schedule = Callable[[int], float]
MODES = ("step", "poly", "cosine")


def create_schedule(
    lr: float,
    epochs: int,
    steps_per_epoch: int,
    mode: str = "step",
    warmup_epochs: int = 0,
    warmup_lr: float = 0.0,
    decay: float = 0.1,
    decay_epochs: Sequence[int] = (),
) -> Schedule:
    """Create a linear warm-up, then steps, or a half cosine or a parabola to zero.

    Parameters
    ----------
    lr : float
        Rate after the warm-up.
    epochs, steps_per_epoch : int
        Length of the run.
    mode : str, default 'step'
        One of `MODES`: ``'step'``, ``'cosine'`` (half a cosine from `lr` to 0) or ``'poly'``
        (``lr (1 - t)^2`` over the share t of the steps after the warm-up).
    warmup_epochs : int, default 0
        Epochs of linear warm-up from `warmup_lr`.
    warmup_lr : float, default 0
        Rate at the first step of a warm-up.
    decay : float, default 0.1
        Factor of each step.
    decay_epochs : sequence of int
        Epochs, counted from the run's start, at whose beginning the rate is multiplied by `decay`.

    Returns
    -------
    callable
        Step, counted from 0, to learning rate.

    Raises
    ------
    InputError
        For a warm-up longer than the run.
    """
    if warmup_epochs > epochs:
        raise InputError(
            f"{{warmup_epochs}} {warmup_epochs} is more than {{num_epochs}} {epochs}: give "
            "{warmup_epochs} 0, or more epochs"
        )
    stages = []
    if warmup_epochs:
        stages.append(
            _stage("linear", warmup_epochs * steps_per_epoch, base_lr=warmup_lr, target_lr=lr)
        )
    main_steps = (epochs - warmup_epochs) * steps_per_epoch
    if main_steps:
        if mode != "step":
            stages.append(_stage(mode, main_steps, base_lr=lr, target_lr=0))
        else:
            steps = [(epoch - warmup_epochs) * steps_per_epoch for epoch in sorted(decay_epochs)]
            stages.append(
                LRScheduler(
                    "step", base_lr=lr, niters=main_steps, step_iter=steps, step_factor=decay
                )
            )
    return LRSequential(stages)


def _stage(mode: str, steps: int, base_lr: float, target_lr: float) -> LRScheduler:
    """Return a stage from `base_lr` to `target_lr`; one of a single step, which GluonCV divides by
    zero for, stays.
    """
    if steps == 1:
        return LRScheduler("constant", base_lr=base_lr, niters=1)
    return LRScheduler(mode, base_lr=base_lr, target_lr=target_lr, niters=steps)
