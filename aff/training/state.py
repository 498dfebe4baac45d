"""What a run knows of its past, as checkpoints keep it."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from typing import Any, Collection, Dict, List, Mapping, Optional, Set

from ..models.parameters import Misfit
from ..utils.errors import InputError
from ..utils.json_file import ranged, typed
from ..utils.report import top5_says_something
from .checkpoint import STATE, list_checkpoints, load_checkpoint, share_checkpoint
from .meters import Partial
from .trainer import Trainer

#: Beyond these no figure is one of a training's, and none can be drawn.
MAX_EPOCH, MAX_FIGURE = 1_000_000, 1e12


@dataclass
class EpochRecord:
    """One line of a run's history; errors are fractions, 0 to 1, by part ('test', and 'val' where
    there is one); those of the moving average are empty where there is none.
    """

    epoch: int = ranged(0, MAX_EPOCH)
    lr: float = ranged(0, MAX_FIGURE)
    train_loss: float = ranged(-MAX_FIGURE, MAX_FIGURE)
    train_metric: str = ranged()
    train_value: float = ranged(0, MAX_FIGURE)
    top1_error: Dict[str, float] = ranged(0, 1)
    top5_error: Dict[str, float] = ranged(0, 1)
    images_per_sec: float = ranged(0, MAX_FIGURE)
    seconds: float = ranged(0, MAX_FIGURE)
    ema_top1_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    ema_top5_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    grad_norm: Optional[float] = ranged(0, MAX_FIGURE, default=None)
    clipped: Optional[float] = ranged(0, 1, default=None)

    def told(self) -> Dict[str, Any]:
        """Return what the log keeps: all but what this run does not have."""
        return {key: value for key, value in asdict(self).items() if value not in ({}, None)}

    def line(self, classes: int) -> str:
        """Return the record of a network of so many classes as text, in fields that two blanks
        part; errors in percent.
        """
        shown5 = top5_says_something(classes)
        trained = (
            f"error {100 * self.train_value:.2f} %"
            if self.train_metric == "top1_error"
            else f"{self.train_metric} {self.train_value:.4f}"
        )
        clipping = (
            []
            if self.grad_norm is None or self.clipped is None
            else [f"gradient {self.grad_norm:.4g}, {100 * self.clipped:.0f} % clipped"]
        )
        fields = [
            f"epoch {self.epoch}",
            f"lr {self.lr:.4g}",
            f"train loss {self.train_loss:.4f}, {trained}",
            *clipping,
            f"{self.images_per_sec:.0f} images/s",
            f"{self.seconds:.1f} s",
            *_shown("", self.top1_error, self.top5_error if shown5 else {}),
            *_shown("average's ", self.ema_top1_error, self.ema_top5_error if shown5 else {}),
        ]
        return "  ".join(fields)


def _shown(whose: str, top1: Mapping[str, float], top5: Mapping[str, float]) -> List[str]:
    return [
        f"{whose}{part} error {100 * top1[part]:.2f} %"
        + (f", top-5 {100 * top5[part]:.2f} %" if top5 else "")
        for part in top1
    ]


@dataclass
class RunState:
    """What a run knows of its past: the history, the best epochs of the network and of its moving
    average (None where there is none) by the part that chooses, and what has been done of the epoch
    in which it was stopped; `first_epoch` is the history's, and an epoch has `steps_per_epoch` (0:
    not known yet).
    """

    history: List[EpochRecord] = field(default_factory=list)
    best_epoch: Optional[int] = None
    partial: Optional[Partial] = None
    first_epoch: int = ranged(0, MAX_EPOCH, default=0)
    steps_per_epoch: int = ranged(0, default=0)
    best_ema_epoch: Optional[int] = None

    @property
    def next_epoch(self) -> int:
        """The epoch to go on with."""
        return self.first_epoch + len(self.history)

    @property
    def where(self) -> str:
        """How far the run has come."""
        if self.partial:
            return f"after epoch {self.next_epoch}, batch {self.partial.batches}"
        if not self.history:
            return f"before epoch {self.next_epoch}"
        return f"after epoch {self.next_epoch - 1}"

    def realign(self, trainer: Trainer, steps_per_epoch: int) -> bool:
        """Have the schedule go on with the next epoch's start where an epoch has another number of
        steps than it had so far; whether it has.
        """
        before, self.steps_per_epoch = self.steps_per_epoch, steps_per_epoch
        if before in (0, steps_per_epoch):  # 0 in a new run
            return False
        self.partial = None
        trainer.step = self.next_epoch * steps_per_epoch
        return True

    def best(self) -> EpochRecord:
        """Return the record of the best epoch."""
        return next(record for record in self.history if record.epoch == self.best_epoch)

    def best_ema(self) -> Optional[EpochRecord]:
        """Return the record of the moving average's best epoch, where there is one."""
        found = (record for record in self.history if record.epoch == self.best_ema_epoch)
        return next(found, None)

    def waited(self, part: str) -> int:
        """Return the epochs since a top-1 error on `part`, of the network or of its average, was
        last below all before.
        """
        last = self.first_epoch
        for name in ("top1_error", "ema_top1_error"):
            lowest = math.inf
            for record in self.history:
                error = getattr(record, name).get(part, math.inf)
                if error < lowest:
                    lowest, last = error, max(last, record.epoch)
        return self.next_epoch - 1 - last if self.history else 0

    def add(self, record: EpochRecord, part: str) -> None:
        """Append a record, which is the best where none before has a smaller top-1 error on
        `part`.
        """
        improved = (
            self.best_epoch is None or record.top1_error[part] <= self.best().top1_error[part]
        )
        averaged = record.ema_top1_error.get(part)
        before = self.best_ema()
        self.history.append(record)
        if improved:
            self.best_epoch = record.epoch
        if averaged is not None and (not before or averaged <= before.ema_top1_error[part]):
            self.best_ema_epoch = record.epoch

    @classmethod
    def resumed(
        cls,
        checkpoint: str,
        trainer: Trainer,
        parts: Collection[str] = (),
        last_epoch: int = MAX_EPOCH,
    ) -> RunState:
        """Put a checkpoint back into a trainer and give the state that was saved with it.

        Parameters
        ----------
        checkpoint : str
            Its folder.
        trainer : Trainer
            Of the same network.
        parts : collection of str
            Parts whose errors its history has to have.
        last_epoch : int
            Number of epochs after which the run ends.

        Raises
        ------
        InputError
            For a checkpoint that is incomplete, damaged, or of another network or run.
        """
        try:
            state = cls.of(checkpoint, load_checkpoint(checkpoint, trainer))
        except Misfit:
            raise
        except InputError as error:
            folder = os.path.dirname(os.path.abspath(checkpoint))
            others = [
                path
                for path in list_checkpoints(folder)
                if os.path.basename(path) != os.path.basename(checkpoint)
            ]
            hint = f"; {{resume}} {others[-1]} goes on from another" if others else ""
            raise InputError(f"{error.message}{hint}") from error
        trouble = state._other_run(set(parts), last_epoch)
        if trouble:
            raise InputError(f"{checkpoint}/{STATE}: not this run's state: {trouble}")
        share_checkpoint(trainer, asdict(state))
        return state

    @classmethod
    def of(cls, checkpoint: str, saved: Mapping[str, Any]) -> RunState:
        """Return the state that a checkpoint holds.

        Raises
        ------
        InputError
            For what is none, or contradicts itself.
        """
        path = os.path.join(checkpoint, STATE)
        state = typed(saved, cls, path)
        trouble = state._contradiction(saved["step"])
        if trouble:
            raise InputError(f"{path}: not a run's state: {trouble}")
        return state

    @classmethod
    def started(cls, trainer: Trainer, first_epoch: int = 0) -> RunState:
        """Return the state of a new run, or, in another than the main process, of the one that that
        has started or resumed.
        """
        shared = share_checkpoint(trainer, asdict(cls(first_epoch=first_epoch)))
        state = typed(shared, cls, "the main process's state")
        if state.partial and not trainer.group.is_main_process:  # there alone the sums count
            state.partial = Partial(state.partial.batches, seconds=state.partial.seconds)
        return state

    def _contradiction(self, step: int) -> str:
        """Return what in it contradicts itself, or the trainer's step; empty where nothing does."""
        epochs = [record.epoch for record in self.history]
        if epochs != list(range(self.first_epoch, self.next_epoch)):
            return f"its epochs are not those from {self.first_epoch} on"
        if (self.best_epoch is None and epochs) or self.best_epoch not in (None, *epochs):
            return f"best_epoch {self.best_epoch} is none of its epochs"
        averaged = [record.epoch for record in self.history if record.ema_top1_error]
        if self.best_ema_epoch not in (averaged if averaged else (None,)):
            return f"best_ema_epoch {self.best_ema_epoch} is none of its epochs"
        batches = self.partial.batches if self.partial else 0
        if 0 < self.steps_per_epoch < batches:
            return f"partial.batches is more than the {self.steps_per_epoch} of an epoch"
        expected = self.next_epoch * self.steps_per_epoch + batches
        if self.steps_per_epoch and step != expected:
            return f"step {step} {self.where} is step {expected}"
        return ""

    def _other_run(self, parts: Set[str], last_epoch: int) -> str:
        """Return what in it is not of a run that evaluates these parts and ends after an epoch;
        empty where nothing is.
        """
        told = [set(record.top1_error) & set(record.top5_error) for record in self.history]
        for record in self.history:
            if record.ema_top1_error:
                told.append(set(record.ema_top1_error) & set(record.ema_top5_error))
        if not all(map(parts.issubset, told)):
            return f"an epoch lacks the errors on {' and '.join(sorted(parts))}"
        if not self.history and self.first_epoch >= last_epoch:
            return f"it starts after the last epoch, {last_epoch}"
        return ""
