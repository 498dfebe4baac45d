"""What a run says of itself: what is about to be run, and what came out."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import List, Optional, Sequence

from ..compat import machine
from ..models.registry import count_parameters
from ..nn.fusion import form_in_use, fusion_names
from ..nn.one_image import tell_once
from ..utils.files import remove, write_json
from .checkpoint import BEST_EMA, remove_left_overs
from .config import TrainConfig
from .data import Data
from .logger import HISTORY_PLOT, JSON_LOG, SETTINGS, TEXT_LOG, RunLogger
from .recipe_lines import recipe_lines
from .record import AVERAGE
from .result import RESULT, result_of
from .run_folder import RunFolder
from .settings_file import describe
from .state import RunState
from .trainer import Trainer

#: Images of a batch, over all GPUs, that the published learning rates are for.
PUBLISHED_BATCH = {"cifar": 128, "imagenet": 256, "segmentation": 32}
#: Epochs after the first in which it is told that the loss does not fall.
WATCHED = 3


def trouble_at_start(state: RunState, classes: Optional[int]) -> str:
    """Say what the mean training loss of the last epoch is above, where it is the first of epochs 1
    to 3 that is above that of epoch 0, or above what equal probabilities for all `classes` have
    against any targets, ln K (None: of a loss that has more terms). Empty where it is not, and of a
    run that began with another epoch.
    """
    first, last = state.history[0], state.history[-1]
    bounds = {f"that of epoch 0, {first.train_loss:.4f}": first.train_loss}
    if classes:
        guessing = math.log(classes)
        bounds[f"that of guessing among {classes} classes, {guessing:.4f}"] = guessing
    later = state.history[1 : WATCHED + 1]
    above = [record for record in later if record.train_loss > min(bounds.values())]
    if first.epoch or above[:1] != [last]:
        return ""
    return next(name for name, bound in bounds.items() if last.train_loss > bound)


@dataclass(frozen=True)
class Announcer:
    """Speaks for a run; `lines` are what else there is to say of its network."""

    config: TrainConfig
    data: Data
    trainer: Trainer
    logger: RunLogger
    lines: Sequence[str] = ()

    def begin(
        self,
        folder: RunFolder,
        facts: dict,
        state: RunState,
        notes: List[str],
        warning: Optional[str] = None,
    ) -> None:
        """Keep the settings, and say what is about to be run, and from where it goes on.

        Parameters
        ----------
        folder : RunFolder
            The run's, which exists.
        facts : dict
            What ``settings.json`` keeps of data and devices.
        state : RunState
            Where it goes on from.
        notes : list of str
            What has changed since its last part.
        warning : str, optional
            To be said loudly.
        """
        logger, config = self.logger, self.config
        kept = {**describe(config, facts), "save_dir": folder.ways[folder.log_dir]}
        logger.go_back(state.next_epoch if folder.checkpoint else 0)
        for path, way in folder.ways.items():
            remove_left_overs(path)
            remove(os.path.join(path, RESULT))  # of a run that is over
            write_json(os.path.join(path, SETTINGS), {**kept, "save_dir": way})
        if warning:
            logger.warn(warning)
        logger.event("start", **kept)
        self._describe()
        if folder.checkpoint:
            logger.text(f"resume    {state.where}, from {folder.checkpoint}")
            epoch = state.next_epoch
            logger.event("resume", checkpoint=folder.checkpoint, epoch=epoch, changed=notes)
        elif config.resume_params:
            logger.text(f"start     with epoch {state.next_epoch}, from {config.resume_params}")
        for note in notes:
            logger.text(f"changed   {note}")
        if folder.events_dir:
            logger.text(f"shown     by TensorBoard, from {folder.events_dir}")

    def _describe(self) -> None:
        config, data, trainer, say = self.config, self.data, self.trainer, self.logger.text
        trainable, total = count_parameters(trainer.net)
        say(
            f"network   {config.model}, fusion {fusion_names(config.model_kwargs['fusion'])}, "
            f"{total:,} parameters ({trainable:,} trainable)"
        )
        form = form_in_use(trainer.net)
        if form:
            say(f"form      {form}")
        for line in self.lines:
            say(line)
        say(f"data      {data.description}")
        count = trainer.group.world_size
        workers = f" on each of {count} workers ({trainer.group.kvstore.type})" if count > 1 else ""
        steps = config.grad_accum_steps
        accumulated = f", {steps} times a step" if steps > 1 else ""
        say(
            f"devices   {', '.join(map(str, trainer.devices))}{workers}; batch "
            f"{data.train.batch_size} ({config.batch_size} on each{accumulated}), "
            f"{len(data.train)} batches an epoch, seed {config.seed}"
        )
        if any(device.device_type == "gpu" for device in trainer.devices):
            say(
                "note      GPUs add in no fixed order: runs of one seed agree nearly, not bit for "
                "bit"
            )
        elif not trainer.task.repeats_in_threads and machine()["threads"] != 1:
            say(
                "note      maps are resized by several threads, which add in no fixed order: runs "
                "of one seed agree nearly; with OMP_NUM_THREADS=1 bit for bit"
            )
        for line in data.notes:
            say(line)
        trouble = tell_once(trainer.net) if config.batch_size == 1 else ""
        if trouble:
            self.logger.warn(f"{trouble}, or a larger {{batch_size}}")
        for line in recipe_lines(config):
            say(line)
        say(data.selection)

    def tell_epoch(self, state: RunState) -> None:
        """Say what came out of the last epoch, and, once, that the loss does not fall."""
        self.logger.text(state.history[-1].line(self.config.model_kwargs["classes"]))
        guessing = self.trainer.task.loss.is_cross_entropy
        classes = self.config.model_kwargs["classes"] if guessing else None
        above = trouble_at_start(state, classes)
        if above and self.trainer.group.is_main_process:
            kind = self.config.kind
            usual, images = TrainConfig.defaults(kind), PUBLISHED_BATCH[kind]
            batch, optimizer = self.data.train.batch_size, self.config.optimizer
            with_it = "" if optimizer == usual.optimizer else f" by {usual.optimizer}"
            self.logger.warn(
                f"the training loss is above {above}: a lower {{lr}} than {self.config.lr:g} may "
                f"suit {optimizer} and a batch of {batch} (the published {usual.lr:g} is for "
                f"{images} images{with_it})"
            )

    def conclude(self, state: RunState, params: str) -> None:
        """Say what came out and that its parameters are in the file `params`: the errors on the
        test set, or on the validation set where there is no other.
        """
        best, last, logger = state.best(), state.history[-1], self.logger
        shown = self.data.reported
        held_out = shown == "val" and self.config.val_split
        name = "held-out" if held_out else {"test": "test", "val": "validation"}[shown]
        if self.data.chooser == shown and not held_out:
            chosen = f"the {name} set itself"
        else:
            chosen = "the held-out part" if self.config.val_split else "the validation set"
        classes = self.config.model_kwargs["classes"]
        averaged, kept, more = state.best_ema(), self.trainer.task.scores, {}
        for label, record in (("best", best), ("last", last)):
            how = f", chosen by {chosen}" if label == "best" else ""
            phrase = kept.phrase(record.scores(shown), classes)
            logger.text(f"{label} epoch {record.epoch}{how}: {name} {phrase}")
        if averaged:
            scores = averaged.scores(shown, AVERAGE)
            logger.text(
                f"the average's best epoch {averaged.epoch}, chosen by {chosen}: {name} "
                f"{kept.phrase(scores, classes)}"
            )
            more = {
                "best_ema_epoch": averaged.epoch,
                "ema_parameters": os.path.join(os.path.dirname(params), BEST_EMA),
                **{f"{shown}_{AVERAGE}{score}": value for score, value in scores.items()},
            }
        first = kept.names[0]
        ended = {
            "best_epoch": best.epoch,
            "chosen_by": self.data.chooser,
            "parameters": params,
            f"{shown}_images": self.data.evals[shown].total,
            **{f"{shown}_{score}": value for score, value in best.scores(shown).items()},
            f"last_{shown}_{first}": last.scores(shown)[first],
            **more,
        }
        logger.event("end", **ended)
        if self.config.smoke:
            return
        if logger.folder:
            result = result_of(self.config, self.data, state, ended)
            for path in dict.fromkeys((os.path.dirname(params), logger.folder)):
                write_json(os.path.join(path, RESULT), result)
        logger.text(f"{name} {kept.headline(best.scores(shown)[first])}")
        logger.text(f"parameters     {params}")
        if averaged:
            logger.text(f"the average's  {more['ema_parameters']}")
        logger.text(f"log            {logger.path(TEXT_LOG)}, {logger.path(JSON_LOG)}")
        logger.text(f"history plot   {logger.path(HISTORY_PLOT)}")
