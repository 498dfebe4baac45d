"""A whole run: ``Run(config, data, net).fit()`` trains, evaluates, logs and keeps what it has
trained, from its start or a checkpoint to its last epoch.
"""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial
from typing import Callable, Iterator, Optional, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..utils.errors import InputError, Interrupted, RunError
from .amp import Float32, create_precision
from .announce import Announcer
from .assembly import create_trainer
from .checkpoint import BEST, start_from
from .config import TrainConfig
from .data import Data
from .evaluating import EpochEvaluator
from .finetune import Origin, arrange
from .history_plot import HistoryPlot
from .interruption import Interruption
from .keeper import Keeper
from .logger import RunLogger
from .meters import Partial
from .process_group import ProcessGroup
from .progress import Loop, RunClock
from .record import EpochRecord
from .run_folder import RunFolder, open_folder
from .state import RunState
from .tensorboard import TensorBoard
from .trainer import Stopped


class Run:
    """A run; `fit` trains it.

    Parameters
    ----------
    config : TrainConfig
        Its settings.
    data : Data
        Its images.
    net : HybridBlock
        Its network, initialized on the devices, in the number format of the settings.
    devices : sequence of Context, optional
        By default those that the network is on.
    precision : Float32, optional
        The number format; by default that of the settings.
    group : ProcessGroup, optional
        The processes that train together, of which this is one; only the main one writes and
        speaks.
    folder : RunFolder, optional
        Its folders, where they are held already.
    warning : str, optional
        To be said loudly.
    spelling : callable, optional
        How messages name a setting, given its field.
    origin : Origin, optional
        Parameters to start from, where the settings say to fine-tune some.

    Attributes
    ----------
    trainer : Trainer
        Trains the network.
    logger : RunLogger
        Where the run speaks.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Data,
        net: HybridBlock,
        devices: Optional[Sequence[mx.Context]] = None,
        precision: Optional[Float32] = None,
        group: Optional[ProcessGroup] = None,
        folder: Optional[RunFolder] = None,
        warning: Optional[str] = None,
        spelling: Callable[[str], str] = str,
        origin: Optional[Origin] = None,
    ):
        self.config, self.data, self.origin = config, data, origin
        self.folder, self.warning, self.spelling = folder, warning, spelling
        devices = devices or next(iter(net.collect_params().values())).list_ctx()
        precision = precision or create_precision(config.dtype, devices)
        self._lines = arrange(net, config.no_wd, config.freeze, config.head_lr_mult)
        group = group or ProcessGroup()
        self.trainer = create_trainer(config, data, net, devices, precision, group)
        self.logger = RunLogger(interval=config.log_interval, quiet=True)
        self.keeper = Keeper(self.trainer, "", config.save_period, config.save_minutes)
        self._plot, self._board = HistoryPlot(), TensorBoard()
        self._evaluator = EpochEvaluator(config, data, self.trainer)

    @property
    def facts(self) -> dict:
        """What ``settings.json`` keeps of data, devices and the fusions' form."""
        return {**self.data.facts, **self.trainer.facts}

    @property
    def _announcer(self) -> Announcer:
        return Announcer(self.config, self.data, self.trainer, self.logger, self._lines)

    @property
    def best_params(self) -> str:
        """The file of the best epoch's parameters."""
        return os.path.join(self.keeper.folder, BEST)

    def fit(self) -> RunState:
        """Train to the last epoch from where the run stands, and say what came out; gives the
        history, and which epoch was the best.

        Raises
        ------
        InputError
            For folders that hold another run, for a checkpoint that does not fit, and for data that
            cannot be read; what was trained before is saved.
        Interrupted
            When a signal stops the run; all is saved. (Of a distributed job neither: its workers
            do not come to the same step.)
        RunError
            When something cannot be written; what was saved before is whole.
        """
        with contextlib.ExitStack() as held:
            if self.folder is None and self.trainer.group.is_main_process:
                self.folder = held.enter_context(open_folder(self.config, self.facts))
            state = self._begin()
            self._train(state)
            self._announcer.conclude(state, self.best_params)
            self._board.conclude(state, self.data)
        return state

    def _begin(self) -> RunState:
        """Put the run where it goes on from, and have it speak of it."""
        config, trainer, folder = self.config, self.trainer, self.folder
        checkpoint = folder.checkpoint if folder else None
        notes = folder.changes(self.facts) if folder else []
        if not checkpoint and trainer.group.is_main_process:
            if config.resume_params:
                step = config.resume_epoch * len(self.data.train)
                start_from(trainer, config.resume_params, config.resume_states, step)
            if self.origin:
                names = self.data.facts.get("class_names")
                self._lines[:0] = self.origin.give(trainer.net, names)
                if trainer.ema:
                    trainer.ema.start(trainer.net)
        state = (
            RunState.resumed(checkpoint, trainer, self.data.evals, config.last_epoch)
            if checkpoint
            else RunState.started(trainer, config.resume_epoch)
        )
        realigned = state.realign(trainer, len(self.data.train))
        if folder:
            folder.create()
            self.keeper.folder = folder.save_dir
            self.logger = RunLogger(
                folder.log_dir,
                config.logging_file,
                config.log_interval,
                spelling=self.spelling,
            )
            self._plot = HistoryPlot.of(config, self.logger)
            if realigned:
                notes.append(
                    f"steps of an epoch: goes on with epoch {state.next_epoch} from its start"
                )
            self._announcer.begin(folder, self.facts, state, notes, self.warning)
            self._board = TensorBoard.of(config, folder, state, self.data, trainer)
        if self.data.bad_images:
            self.data.bad_images.say = self.logger.warn
        if checkpoint:
            self.keeper.publish(checkpoint, state)
        return state

    def _train(self, state: RunState) -> None:
        """Train to the last epoch, or to a signal."""
        last = self.config.last_epoch
        with Interruption(active=self._alone) as interruption:
            for epoch in range(state.next_epoch, last):
                if self._waited_enough(state):
                    better = self.trainer.task.scores.better.format(self.data.chooser)
                    self.logger.text(
                        f"early stop: {self.config.early_stop} epochs ({{early_stop}}) without a "
                        f"{better}"
                    )
                    break
                try:
                    self._advance(epoch, state, interruption)
                except OSError as error:
                    raise RunError(
                        f"{error.filename or self.keeper.folder}: {error.strerror}; "
                        + self._hint("what was saved before is whole: make room, then ")
                    ) from error
                if interruption.asked and (state.partial or state.next_epoch < last):
                    raise self._interrupted(interruption, state)

    def _advance(self, epoch: int, state: RunState, interruption: Interruption) -> None:
        """Train, evaluate and save an epoch, or as much of it as is left to do before a signal."""
        try:
            record = self._epoch(epoch, state, interruption)
        except Stopped:
            self.keeper.keep_partial(state)
            self._plot.update(state.history, at_once=True)
            return
        except InputError as error:
            if not self._alone or not (self.trainer.done.batches or state.history):
                raise
            self.keeper.keep_partial(state)
            hint = self._hint("what was trained so far is saved: with that put right, ")
            raise InputError(
                f"{error.message}; {hint} ({{resume_changed}} where that changes files)"
            ) from error
        state.partial = None
        state.add(record, self.data.chooser)
        self._announcer.tell_epoch(state)
        self.logger.event("epoch", **record.told(), **self.trainer.precision.state())
        self._board.epoch(record)
        if self.trainer.group.is_main_process:
            self.keeper.save(state)
            last = state.next_epoch == self.config.last_epoch
            ends = interruption.asked or last or self._waited_enough(state)
            self._plot.update(state.history, at_once=bool(ends))

    def _waited_enough(self, state: RunState) -> bool:
        patience = self.config.early_stop
        return 0 < patience <= state.waited(self.data.chooser)

    @property
    def _alone(self) -> bool:
        return self.trainer.group.world_size == 1

    def _hint(self, what: str) -> str:
        """Return how to go on after a stop; `what` is said before it."""
        if self.config.discard:
            return "nothing is kept of this run"
        folder = self.keeper.folder
        return f"{what}go on with the same command and {{resume}} auto {{save_dir}} {folder}"

    def _interrupted(self, interruption: Interruption, state: RunState) -> Interrupted:
        where = f"stopped by {interruption.name} {state.where}"
        self.logger.event("stop", signal=interruption.name, epoch=state.next_epoch)
        self.logger.keep(where)
        return Interrupted(f"{where}; {self._hint('all is saved: ')}", 128 + interruption.asked)

    def _epoch(self, epoch: int, state: RunState, interruption: Interruption) -> EpochRecord:
        trainer, train, done = self.trainer, self.data.train, state.partial or Partial()
        start = time.perf_counter() - done.seconds
        trainer.done = done
        mx.random.seed((self.config.seed * 1_000_003 + epoch) % 2**31)
        clock = RunClock(
            start,
            self.config.last_epoch - epoch - 1,
            [record.seconds for record in state.history],
        )
        workers, latest = trainer.group.world_size, lambda: trainer.meter.latest
        loop = Loop(f"epoch {epoch}", len(train), done.batches, workers, latest, clock)
        self._board.begin_epoch()
        stats = trainer.train_epoch(
            self._board.watched(train.epoch(epoch, done.batches), train.pixels, trainer.step),
            epoch,
            partial(self.logger.progress, loop=loop),
            self.logger.text,
            done,
            lambda: interruption.asked,
            partial(self.keeper.keep_in_time, state),
            self._board.step,
        )
        scores = self._evaluator.scores(partial(self._until, interruption, clock))
        return EpochRecord(
            epoch=epoch,
            lr=stats.lr,
            train_loss=stats.loss,
            train_metric=trainer.task.metric,
            train_value=stats.metric,
            images_per_sec=round(stats.images_per_sec, 1),
            seconds=round(time.perf_counter() - start, 2),
            grad_norm=stats.grad_norm,
            clipped=stats.clipped,
            **scores,
        )

    def _until(
        self, interruption: Interruption, clock: RunClock, description: str, batches
    ) -> Iterator:
        """Yield the batches of an evaluation, which is given up when a signal comes: its epoch is
        trained by then, and a resumed run evaluates it again.
        """
        workers = self.trainer.group.world_size
        loop = Loop(description, len(batches), workers=workers, clock=clock)
        for batch in self.logger.progress(batches, loop):
            if interruption.asked:
                raise Stopped
            yield batch
