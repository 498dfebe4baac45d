"""A whole run: epochs of training, evaluation, logs, the best and the periodic parameters, and
checkpoints.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Dict, Iterator, List, Optional

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..errors import InputError, Interrupted
from ..files import link
from ..parameters import copy_parameters
from .checkpoint import NET, load_checkpoint, save_checkpoint, share_checkpoint
from .evaluation import Evaluation, evaluate
from .interruption import Interruption
from .loop import Partial, Stopped, TrainingLoop
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
    """What a run knows of its past: the history, the best epoch by the part that chooses, and what
    has been done of the epoch in which it was stopped; `first_epoch` is the history's.
    """

    history: List[EpochRecord] = field(default_factory=list)
    best_epoch: Optional[int] = None
    partial: Optional[Partial] = None
    first_epoch: int = 0

    @property
    def next_epoch(self) -> int:
        """The epoch to go on with."""
        return self.first_epoch + len(self.history)

    @property
    def where(self) -> str:
        """How far the run has come."""
        if self.partial:
            return f"epoch {self.next_epoch}, batch {self.partial.batches}"
        return f"epoch {self.next_epoch - 1}"

    def best(self) -> EpochRecord:
        """Record of the best epoch."""
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
            if state.best_epoch is not None or state.history:
                state.best()
        except (KeyError, TypeError, StopIteration) as error:
            raise InputError(f"{checkpoint}/state.json: {error!r}: not a run's state") from error
        share_checkpoint(loop, asdict(state))
        return state

    @classmethod
    def started(cls, loop: TrainingLoop, first_epoch: int = 0) -> RunState:
        """The state of a new run, or, in a worker that does not lead, of the one that the leading
        worker has started or resumed.
        """
        return cls._of(share_checkpoint(loop, asdict(cls(first_epoch=first_epoch))))

    @classmethod
    def _of(cls, saved: dict) -> RunState:
        return cls(
            [EpochRecord(**record) for record in saved["history"]],
            saved["best_epoch"],
            Partial(**saved["partial"]) if saved.get("partial") else None,
            int(saved.get("first_epoch", 0)),
        )


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

        Raises
        ------
        Interrupted
            When SIGINT or SIGTERM stops the run; all is saved. (A distributed job's workers cannot
            agree on a step to stop after: there the signals do what they do elsewhere.)
        """
        with Interruption(active=self.loop.job.workers == 1) as interruption:
            for epoch in range(state.next_epoch, self.epochs):
                try:
                    record = self._epoch(epoch, state.partial or Partial(), interruption)
                except Stopped as stopped:
                    state.partial = stopped.partial
                    self._checkpoint(state)
                    raise self._interrupted(interruption, state) from None
                state.partial = None
                state.add(record, self.chooser)
                self.log.text(record.line())
                self.log.event("epoch", **asdict(record), **self.loop.precision.state())
                if self.loop.job.leads:
                    self._save(state)
                if interruption.asked and state.next_epoch < self.epochs:
                    raise self._interrupted(interruption, state)
        return state

    def _interrupted(self, interruption: Interruption, state: RunState) -> Interrupted:
        where = f"stopped by {interruption.name} after {state.where}"
        self.log.event("stop", signal=interruption.name, epoch=state.next_epoch)
        return Interrupted(
            f"{where}; all is saved: go on with the same command and --resume auto --save-dir "
            f"{self.save_dir}",
            128 + interruption.asked,
        )

    def _epoch(self, epoch: int, done: Partial, interruption: Interruption) -> EpochRecord:
        start = time.perf_counter() - done.seconds
        mx.random.seed((self.seed * 1_000_003 + epoch) % 2**31)
        stats = self.loop.train_epoch(
            self.train.epoch(epoch, done.batches),
            epoch,
            partial(
                self.log.progress,
                total=len(self.train) - done.batches,
                description=f"epoch {epoch}",
            ),
            self.log.text,
            done,
            lambda: interruption.asked,
        )
        copy_parameters(self.loop.net, self.eval_net)
        found: Dict[str, Evaluation] = {
            part: evaluate(
                self.eval_net,
                batches,
                self.loop.devices,
                self.loop.precision.dtype,
                partial(self._until, interruption, f"evaluate {part}"),
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

    def _until(self, interruption: Interruption, description: str, batches) -> Iterator:
        """The batches of an evaluation, which is given up when a signal comes: its epoch is trained
        by then, and a resumed run evaluates it again.
        """
        for batch in self.log.progress(batches, len(batches), description):
            if interruption.asked:
                raise Stopped(self.loop.done)
            yield batch

    def publish(self, checkpoint: str, state: RunState) -> None:
        """Give the parameters of an epoch's checkpoint the names under which they stay: as the
        best, and as those of a period. A resumed run does it again: the one before may have been
        killed in between.
        """
        done = state.next_epoch
        if state.partial or not state.history or not self.loop.job.leads:
            return
        kept = [BEST] if state.best_epoch == done - 1 else []
        if self.save_period and done % self.save_period == 0:
            kept.append(f"epoch-{done:04d}.params")
        for name in kept:
            link(os.path.join(checkpoint, NET), os.path.join(self.save_dir, name))

    def _save(self, state: RunState) -> None:
        self.publish(self._checkpoint(state), state)
        plot_history(self.log.path(HISTORY_PLOT), *self._curves(state))

    def _checkpoint(self, state: RunState) -> str:
        batches = state.partial.batches if state.partial else 0
        return save_checkpoint(self.save_dir, self.loop, state.next_epoch, asdict(state), batches)

    def _curves(self, state: RunState):
        labels = [f"train {self.loop.metric}", *(f"{part} top-1 error" for part in self.evals)]
        return labels, [
            [record.train_value, *record.top1_error.values()] for record in state.history
        ]
