"""What a run keeps: its checkpoints, its best parameters, and those of every period."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, replace

from ..utils.files import link
from .checkpoint import BEST, BEST_EMA, EMA, NET, save_checkpoint
from .meters import Partial
from .state import RunState
from .trainer import Trainer


class Keeper:
    """Saves a run's parameters and states.

    Parameters
    ----------
    trainer : Trainer
        Holds them.
    folder : str
        Where they go.
    period : int
        Epochs between parameters that are kept besides the best; 0 keeps none.
    minutes : float, default 0
        Between checkpoints, also within an epoch; 0 saves none there.
    """

    def __init__(self, trainer: Trainer, folder: str, period: int, minutes: float = 0.0):
        self.trainer, self.folder, self.period, self.minutes = trainer, folder, period, minutes
        self._saved = time.monotonic()

    def save(self, state: RunState) -> None:
        """Save a checkpoint after an epoch, and what stays of it."""
        self.publish(self.checkpoint(state), state)

    def keep_partial(self, state: RunState) -> None:
        """Save what has been trained of an epoch, where that is more than is saved already."""
        done, before = self.trainer.done, state.partial or Partial()
        if done.batches > before.batches:
            state.partial = replace(done)
            self.checkpoint(state)

    def keep_in_time(self, state: RunState) -> None:
        """Save what is being trained of an epoch, between two steps, where it is time to."""
        trainer = self.trainer
        if (
            self.minutes
            and trainer.group.world_size == 1
            and time.monotonic() - self._saved > 60 * self.minutes
        ):
            trainer.done = trainer.meter.finish()
            self.keep_partial(state)

    def publish(self, checkpoint: str, state: RunState) -> None:
        """Give the parameters of a checkpoint the names under which they stay: the best so far, and
        those of a period. A resumed run does it again: the one before may have been killed in
        between, or had gone further than the checkpoint.
        """
        done = state.next_epoch
        if not state.history or not self.trainer.group.is_main_process:
            return
        kept = {BEST: BEST, BEST_EMA: BEST_EMA}
        if not state.partial and self.period and done % self.period == 0:
            kept[NET] = f"epoch-{done:04d}.params"
        for source, name in kept.items():
            if os.path.exists(os.path.join(checkpoint, source)):
                link(os.path.join(checkpoint, source), os.path.join(self.folder, name))

    def checkpoint(self, state: RunState) -> str:
        """Save a checkpoint; its path."""
        batches = state.partial.batches if state.partial else 0
        best = {}
        for name, file, epoch in (
            (BEST, NET, state.best_epoch),
            (BEST_EMA, EMA, state.best_ema_epoch),
        ):
            now = not state.partial and epoch == state.next_epoch - 1
            if epoch is not None:
                best[name] = file if now else os.path.join(self.folder, name)
        self._saved = time.monotonic()
        return save_checkpoint(
            self.folder, self.trainer, state.next_epoch, asdict(state), batches, best
        )
