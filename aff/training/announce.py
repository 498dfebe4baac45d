"""What a run says of itself: what is about to be run, and what came out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import List, Optional, Sequence

from ..models.registry import count_parameters
from ..utils.files import remove_left_overs, write_json
from ..utils.report import score
from .config import TrainConfig
from .data import Data
from .logger import HISTORY_PLOT, JSON_LOG, SETTINGS, TEXT_LOG, RunLogger
from .run_folder import RunFolder
from .settings_file import describe
from .state import RunState
from .trainer import Trainer


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
        kept = {**describe(config, facts), "save_dir": folder.relative}
        if folder.checkpoint:
            logger.go_back(state.next_epoch)
        for path in {folder.save_dir, folder.log_dir}:
            remove_left_overs(path)
            write_json(os.path.join(path, SETTINGS), kept)
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

    def _describe(self) -> None:
        config, data, trainer, say = self.config, self.data, self.trainer, self.logger.text
        trainable, total = count_parameters(trainer.net)
        say(
            f"network   {config.model}, fusion {config.model_kwargs['fusion']}, {total:,} "
            f"parameters ({trainable:,} trainable)"
        )
        for line in self.lines:
            say(line)
        say(f"data      {data.description}")
        count = trainer.group.world_size
        workers = f" on each of {count} workers ({trainer.group.kvstore.type})" if count > 1 else ""
        say(
            f"devices   {', '.join(map(str, trainer.devices))}{workers}; batch "
            f"{data.train.batch_size} ({config.batch_size} on each), {len(data.train)} batches an "
            f"epoch, seed {config.seed}"
        )
        if any(device.device_type == "gpu" for device in trainer.devices):
            say(
                "note      GPUs add in no fixed order: runs of one seed agree nearly, not bit for "
                "bit"
            )
        for line in data.notes:
            say(line)
        if config.mixup:
            say(
                f"mixup     alpha {config.mixup_alpha:g} in epochs 0 to {config.mixup_until - 1}"
                if config.mixup_until
                else f"mixup     off: all {config.num_epochs} epochs are among the last "
                f"{config.mixup_off_epoch} ({{mixup_off_epoch}})"
            )
        say(data.selection)

    def conclude(self, state: RunState, params: str) -> None:
        """Say what came out and that its parameters are in the file `params`: the errors on the
        test set, or on the validation set where there is no other.
        """
        best, last, logger = state.best(), state.history[-1], self.logger
        shown = self.data.reported
        name = {"test": "test", "val": "validation"}[shown]
        chosen = "the held-out part" if self.data.chooser != shown else f"the {name} set itself"
        classes = self.config.model_kwargs["classes"]
        for label, record in (("best", best), ("last", last)):
            how = f", chosen by {chosen}" if label == "best" else ""
            errors = {"top1": record.top1_error[shown], "top5": record.top5_error[shown]}
            logger.text(f"{label} epoch {record.epoch}{how}: {name} {score(errors, classes)}")
        logger.event(
            "end",
            best_epoch=best.epoch,
            chosen_by=self.data.chooser,
            parameters=params,
            **{
                f"{shown}_images": self.data.evals[shown].total,
                f"{shown}_top1_error": best.top1_error[shown],
                f"{shown}_top5_error": best.top5_error[shown],
                f"last_{shown}_top1_error": last.top1_error[shown],
            },
        )
        if self.config.smoke:
            return
        logger.text(f"{name} accuracy  {100 * (1 - best.top1_error[shown]):.2f} %")
        logger.text(f"parameters     {params}")
        logger.text(f"log            {logger.path(TEXT_LOG)}, {logger.path(JSON_LOG)}")
        logger.text(f"history plot   {logger.path(HISTORY_PLOT)}")
