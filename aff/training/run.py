"""A whole run: epochs of training, evaluation, logs, the best and the periodic parameters, and
checkpoints.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Dict, Iterator

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..models.parameters import copy_parameters
from ..utils.errors import InputError, Interrupted, RunError
from ..utils.files import link
from .checkpoint import BEST, NET, save_checkpoint
from .evaluation import Evaluation, evaluate
from .interruption import Interruption
from .logger import HISTORY_PLOT, RunLog, plot_history
from .state import EpochRecord, RunState
from .trainer import Partial, Stopped, TrainingLoop


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
    discard : bool, default False
        Whether its files are removed at its end: then no message says how to go on.
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
    discard: bool = False

    @property
    def chooser(self) -> str:
        """The part whose top-1 error chooses the best epoch."""
        return "val" if "val" in self.evals else "test"

    def go(self, state: RunState) -> RunState:
        """Train to the last epoch from where `state` (a new one, or a resumed one) and the loop
        stand.

        Raises
        ------
        InputError
            For data that cannot be read; what was trained before is saved (not by a distributed
            job, whose workers have not come to the same step).
        Interrupted
            When SIGINT or SIGTERM stops the run; all is saved. (A distributed job's workers cannot
            agree on a step to stop after: there the signals do what they do elsewhere.)
        RunError
            When something cannot be written; what was saved before is whole.
        """
        with Interruption(active=self._alone) as interruption:
            for epoch in range(state.next_epoch, self.epochs):
                try:
                    self._advance(epoch, state, interruption)
                except OSError as error:
                    raise RunError(
                        f"{error.filename or self.save_dir}: {error.strerror}; "
                        + self._hint("what was saved before is whole: make room, then ")
                    ) from error
                if interruption.asked and (state.partial or state.next_epoch < self.epochs):
                    raise self._interrupted(interruption, state)
        return state

    def _advance(self, epoch: int, state: RunState, interruption: Interruption) -> None:
        """Train, evaluate and save an epoch, or as much of it as is left to do before a signal."""
        try:
            record = self._epoch(epoch, state.partial or Partial(), interruption)
        except Stopped:
            self._keep_partial(state)
            return
        except InputError as error:
            if not self._alone or not (self.loop.done.batches or state.history):
                raise
            self._keep_partial(state)
            hint = self._hint("what was trained so far is saved: with that put right, ")
            raise InputError(f"{error}; {hint}") from error
        state.partial = None
        state.add(record, self.chooser)
        self.log.text(record.line())
        self.log.event("epoch", **asdict(record), **self.loop.precision.state())
        if self.loop.job.leads:
            self._save(state)

    def _keep_partial(self, state: RunState) -> None:
        """Save what has been trained of the epoch, where that is more than is saved already."""
        done, before = self.loop.done, state.partial or Partial()
        if done.batches > before.batches:
            state.partial = done
            self._checkpoint(state)

    @property
    def _alone(self) -> bool:
        return self.loop.job.workers == 1

    def _hint(self, what: str) -> str:
        """How to go on after a stop; `what` is said before it."""
        if self.discard:
            return "nothing is kept of this run"
        return f"{what}go on with the same command and --resume auto --save-dir {self.save_dir}"

    def _interrupted(self, interruption: Interruption, state: RunState) -> Interrupted:
        where = f"stopped by {interruption.name} {state.where}"
        self.log.event("stop", signal=interruption.name, epoch=state.next_epoch)
        return Interrupted(f"{where}; {self._hint('all is saved: ')}", 128 + interruption.asked)

    def _epoch(self, epoch: int, done: Partial, interruption: Interruption) -> EpochRecord:
        start = time.perf_counter() - done.seconds
        self.loop.done = done
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
                raise Stopped
            yield batch

    def publish(self, checkpoint: str, state: RunState) -> None:
        """Give the parameters of a checkpoint the names under which they stay: the best so far, and
        those of a period. A resumed run does it again: the one before may have been killed in
        between, or had gone further than the checkpoint.
        """
        done = state.next_epoch
        if not state.history or not self.loop.job.leads:
            return
        kept = {BEST: BEST}
        if not state.partial and self.save_period and done % self.save_period == 0:
            kept[NET] = f"epoch-{done:04d}.params"
        for source, name in kept.items():
            if os.path.exists(os.path.join(checkpoint, source)):
                link(os.path.join(checkpoint, source), os.path.join(self.save_dir, name))

    def _save(self, state: RunState) -> None:
        self.publish(self._checkpoint(state), state)
        plot_history(self.log.path(HISTORY_PLOT), *self._curves(state))

    def _checkpoint(self, state: RunState) -> str:
        batches = state.partial.batches if state.partial else 0
        best = os.path.join(self.save_dir, BEST) if state.history else None
        if not state.partial and state.best_epoch == state.next_epoch - 1:
            best = NET
        return save_checkpoint(
            self.save_dir, self.loop, state.next_epoch, asdict(state), batches, best
        )

    def _curves(self, state: RunState):
        labels = [f"train {self.loop.metric}", *(f"{part} top-1 error" for part in self.evals)]
        return labels, [
            [record.train_value, *record.top1_error.values()] for record in state.history
        ]
