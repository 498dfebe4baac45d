"""What a run knows of its past, as checkpoints keep it."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from typing import Any, Collection, List, Mapping, Optional, Set

from ..models.parameters import Misfit
from ..utils.errors import InputError
from ..utils.json_file import ranged, typed
from .checkpoint import STATE, list_checkpoints, load_checkpoint, share_checkpoint
from .meters import Partial
from .record import AVERAGE, MAX_EPOCH, EpochRecord
from .scores import Scores
from .trainer import Trainer


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
        """Return the epochs since the error on `part`, of the network or of its average, was last
        below all before.
        """
        last = self.first_epoch
        for prefix in ("", AVERAGE):
            lowest = math.inf
            for record in self.history:
                error = record.error(part, prefix)
                if error is not None and error < lowest:
                    lowest, last = error, max(last, record.epoch)
        return self.next_epoch - 1 - last if self.history else 0

    def add(self, record: EpochRecord, part: str) -> None:
        """Append a record, which is the best where none before has a smaller error on `part`."""
        improved = self.best_epoch is None or _error(record, part) <= _error(self.best(), part)
        before = self.best_ema()
        self.history.append(record)
        if improved:
            self.best_epoch = record.epoch
        if record.error(part, AVERAGE) is not None and (
            not before or _error(record, part, AVERAGE) <= _error(before, part, AVERAGE)
        ):
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
        trouble = state._other_run(set(parts), trainer.task.scores, last_epoch)
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
        averaged = [record.epoch for record in self.history if record.parts(record.kept, AVERAGE)]
        if self.best_ema_epoch not in (averaged if averaged else (None,)):
            return f"best_ema_epoch {self.best_ema_epoch} is none of its epochs"
        batches = self.partial.batches if self.partial else 0
        if 0 < self.steps_per_epoch < batches:
            return f"partial.batches is more than the {self.steps_per_epoch} of an epoch"
        expected = self.next_epoch * self.steps_per_epoch + batches
        if self.steps_per_epoch and step != expected:
            return f"step {step} {self.where} is step {expected}"
        return ""

    def _other_run(self, parts: Set[str], kept: Scores, last_epoch: int) -> str:
        """Return what in it is not of a run that keeps these scores of these parts and ends after
        an epoch; empty where nothing is.
        """
        told = [record.parts(kept) for record in self.history]
        for record in self.history:
            if getattr(record, AVERAGE + kept.names[0]):
                told.append(record.parts(kept, AVERAGE))
        if not all(map(parts.issubset, told)):
            return f"an epoch lacks the errors on {' and '.join(sorted(parts))}"
        if not self.history and self.first_epoch >= last_epoch:
            return f"it starts after the last epoch, {last_epoch}"
        return ""


def _error(record: EpochRecord, part: str, prefix: str = "") -> float:
    error = record.error(part, prefix)
    return math.inf if error is None else error
