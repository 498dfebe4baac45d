"""A whole run: epochs of training, evaluation, logs, the best and the periodic parameters, and
checkpoints.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Dict, List, Optional

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..errors import InputError
from ..parameters import copy_parameters, save_parameters
from .checkpoint import load_checkpoint, save_checkpoint, share_checkpoint
from .evaluation import Evaluation, evaluate
from .loop import TrainingLoop
from .runlog import HISTORY_PLOT, RunLog, plot_history

BEST = "best.params"


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

    def line(self) -> str:
        """The record as text."""
        errors = "  ".join(
            f"{part} top-1 {100 * self.top1_error[part]:.2f} % top-5 "
            f"{100 * self.top5_error[part]:.2f} %"
            for part in self.top1_error
        )
        return (
            f"epoch {self.epoch}  lr {self.lr:.4g}  train loss {self.train_loss:.4f}  "
            f"{self.train_metric} {self.train_value:.4f}  errors: {errors}  "
            f"{self.images_per_sec:.0f} images/s  {self.seconds:.1f} s"
        )


@dataclass
class RunState:
    """What a run knows of its past: the history, and the best epoch by the part that chooses."""

    history: List[EpochRecord] = field(default_factory=list)
    best_epoch: Optional[int] = None

    def best(self) -> EpochRecord:
        """Record of the best epoch."""
        return next(record for record in self.history if record.epoch == self.best_epoch)

    def add(self, record: EpochRecord, part: str) -> bool:
        """Append a record; True when it is the best so far by its top-1 error on `part` (the latest
        of equals).
        """
        improved = (
            self.best_epoch is None or record.top1_error[part] <= self.best().top1_error[part]
        )
        self.history.append(record)
        if improved:
            self.best_epoch = record.epoch
        return improved

    @classmethod
    def resumed(cls, checkpoint: str, loop: TrainingLoop) -> RunState:
        """Put a checkpoint back into a loop and give the state that was saved with it.

        Raises
        ------
        InputError
            For a checkpoint that is incomplete, damaged, or of another network.
        """
        saved = load_checkpoint(checkpoint, loop)
        try:
            state = cls._of(saved)
            state.best()
        except (KeyError, TypeError, StopIteration) as error:
            raise InputError(f"{checkpoint}/state.json: {error!r}: not a run's state") from error
        share_checkpoint(loop, asdict(state))
        return state

    @classmethod
    def started(cls, loop: TrainingLoop) -> RunState:
        """The state of a new run, or, in a worker that does not lead, of the one that the leading
        worker has started or resumed.
        """
        return cls._of(share_checkpoint(loop, asdict(cls())))

    @classmethod
    def _of(cls, saved: dict) -> RunState:
        return cls([EpochRecord(**record) for record in saved["history"]], saved["best_epoch"])


@dataclass(frozen=True)
class Run:
    """Everything that a run is made of; `go` trains.

    Parameters
    ----------
    loop : TrainingLoop
        Holds the network and trains an epoch.
    eval_net : HybridBlock
        The same network again, which is given the trained parameters and evaluated. (mxnet's
        inference on a CPU reorders parameters in memory, in the background; training on them
        afterwards does not repeat bit for bit.)
    train : TrainBatches
        Gives an epoch's batches.
    evals : dict of str to EvalBatches
        Parts to evaluate after each epoch: ``'test'``, and ``'val'`` where part of the training set
        is held out, which then chooses the best epoch.
    log : RunLog
        Where the run speaks.
    save_dir : str
        Where parameters and checkpoints go; it exists.
    epochs : int
        Epochs in all.
    save_period : int
        Epochs between parameters that are kept besides the best; 0 keeps none.
    seed : int
        Reseeds mxnet's generator at every epoch.
    """

    loop: TrainingLoop
    eval_net: HybridBlock
    train: Any
    evals: Dict[str, Any]
    log: RunLog
    save_dir: str
    epochs: int
    save_period: int
    seed: int

    @property
    def chooser(self) -> str:
        """The part whose top-1 error chooses the best epoch."""
        return "val" if "val" in self.evals else "test"

    def go(self, state: RunState) -> RunState:
        """Train to the last epoch from where `state` (a new one, or a resumed one) and the loop
        stand.
        """
        for epoch in range(len(state.history), self.epochs):
            record = self._epoch(epoch)
            improved = state.add(record, self.chooser)
            self.log.text(record.line())
            self.log.event("epoch", **asdict(record), **self.loop.precision.state())
            if self.loop.job.leads:
                self._save(epoch, improved, state)
        return state

    def _epoch(self, epoch: int) -> EpochRecord:
        start = time.perf_counter()
        mx.random.seed((self.seed * 1_000_003 + epoch) % 2**31)
        stats = self.loop.train_epoch(
            self.train.epoch(epoch),
            epoch,
            partial(self.log.progress, total=len(self.train), description=f"epoch {epoch}"),
            self.log.text,
        )
        copy_parameters(self.loop.net, self.eval_net)
        found: Dict[str, Evaluation] = {
            part: evaluate(
                self.eval_net,
                batches,
                self.loop.devices,
                self.loop.precision.dtype,
                partial(self.log.progress, total=len(batches), description=f"evaluate {part}"),
                self.loop.job,
            )
            for part, batches in self.evals.items()
        }
        return EpochRecord(
            epoch=epoch,
            lr=stats.lr,
            train_loss=stats.loss,
            train_metric=self.loop.metric,
            train_value=stats.metric,
            top1_error={part: result.top1_error for part, result in found.items()},
            top5_error={part: result.top5_error for part, result in found.items()},
            images_per_sec=round(stats.images_per_sec, 1),
            seconds=round(time.perf_counter() - start, 2),
        )

    def _save(self, epoch: int, improved: bool, state: RunState) -> None:
        if improved:
            save_parameters(self.loop.net, os.path.join(self.save_dir, BEST))
        if self.save_period and (epoch + 1) % self.save_period == 0:
            save_parameters(
                self.loop.net, os.path.join(self.save_dir, f"epoch-{epoch + 1:04d}.params")
            )
        save_checkpoint(self.save_dir, self.loop, epoch + 1, asdict(state))
        plot_history(self.log.path(HISTORY_PLOT), *self._curves(state))

    def _curves(self, state: RunState):
        labels = [f"train {self.loop.metric}", *(f"{part} top-1 error" for part in self.evals)]
        return labels, [
            [record.train_value, *record.top1_error.values()] for record in state.history
        ]
