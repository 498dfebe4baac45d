"""What a run knows of its past, as checkpoints keep it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from ..models.parameters import Misfit
from ..utils.errors import InputError
from ..utils.report import top5_says_something
from .checkpoint import STATE, list_checkpoints, load_checkpoint, share_checkpoint
from .meters import Partial
from .trainer import Trainer


@dataclass
class EpochRecord:
    """One line of a run's history; errors are fractions, 0 to 1, by part ('test', and 'val' where
    there is one).
    """

    epoch: int
    lr: float
    train_loss: float
    train_metric: str
    train_value: float
    top1_error: Dict[str, float]
    top5_error: Dict[str, float]
    images_per_sec: float
    seconds: float

    def line(self, classes: int) -> str:
        """Return the record of a network of so many classes as text, in fields that two blanks
        part; errors in percent.
        """
        top5 = self.top5_error if top5_says_something(classes) else {}
        trained = (
            f"error {100 * self.train_value:.2f} %"
            if self.train_metric == "top1_error"
            else f"{self.train_metric} {self.train_value:.4f}"
        )
        fields = [
            f"epoch {self.epoch}",
            f"lr {self.lr:.4g}",
            f"train loss {self.train_loss:.4f}, {trained}",
            f"{self.images_per_sec:.0f} images/s",
            f"{self.seconds:.1f} s",
            *(
                f"{part} error {100 * self.top1_error[part]:.2f} %"
                + (f", top-5 {100 * top5[part]:.2f} %" if top5 else "")
                for part in self.top1_error
            ),
        ]
        return "  ".join(fields)


@dataclass
class RunState:
    """What a run knows of its past: the history, the best epoch by the part that chooses, and what
    has been done of the epoch in which it was stopped; `first_epoch` is the history's, and an epoch
    has `steps_per_epoch` (0: not known yet).
    """

    history: List[EpochRecord] = field(default_factory=list)
    best_epoch: Optional[int] = None
    partial: Optional[Partial] = None
    first_epoch: int = 0
    steps_per_epoch: int = 0

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

    def add(self, record: EpochRecord, part: str) -> None:
        """Append a record, which is the best where none before has a smaller top-1 error on
        `part`.
        """
        improved = (
            self.best_epoch is None or record.top1_error[part] <= self.best().top1_error[part]
        )
        self.history.append(record)
        if improved:
            self.best_epoch = record.epoch

    @classmethod
    def resumed(cls, checkpoint: str, trainer: Trainer) -> RunState:
        """Put a checkpoint back into a trainer and give the state that was saved with it.

        Raises
        ------
        InputError
            For a checkpoint that is incomplete, damaged, or of another network.
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
        try:
            state = cls._of(saved)
            if state.best_epoch is not None or state.history:
                state.best()
            batches = state.partial.batches if state.partial else 0
            step = state.next_epoch * state.steps_per_epoch + batches
            epochs = [record.epoch for record in state.history]
            if epochs != [*range(state.first_epoch, state.next_epoch)]:
                raise ValueError(f"epochs {epochs} from {state.first_epoch} on")
            if state.steps_per_epoch and saved["step"] != step:
                raise ValueError(f"step {saved['step']} {state.where} is step {step}")
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            raise InputError(f"{checkpoint}/{STATE}: {error!r}: not a run's state") from error
        return state

    @classmethod
    def started(cls, trainer: Trainer, first_epoch: int = 0) -> RunState:
        """Return the state of a new run, or, in another than the main process, of the one that that
        has started or resumed.
        """
        state = cls._of(share_checkpoint(trainer, asdict(cls(first_epoch=first_epoch))))
        if state.partial and not trainer.group.is_main_process:  # there alone the sums count
            state.partial = Partial(state.partial.batches, seconds=state.partial.seconds)
        return state

    @classmethod
    def _of(cls, saved: Mapping[str, Any]) -> RunState:
        return cls(
            [EpochRecord(**record) for record in saved["history"]],
            saved["best_epoch"],
            Partial(**saved["partial"]) if saved.get("partial") else None,
            int(saved.get("first_epoch", 0)),
            int(saved.get("steps_per_epoch", 0)),
        )
