"""What TensorBoard shows of a run: figures by step and by epoch, images of a batch, settings beside
the final score.
"""

from __future__ import annotations

import math
import time
from typing import Any, Callable, Dict, Iterable, Iterator, Optional

import numpy as np

from ..utils.libraries import library
from ..utils.report import top5_says_something
from .config import TrainConfig
from .data import Data
from .event_file import LIBRARY, EventFile
from .meters import StepFigures
from .record import AVERAGE, EpochRecord
from .run_folder import RunFolder
from .scores import Scores
from .setting import FREE, UNTOLD, settings_of
from .state import RunState
from .trainer import Trainer

#: Steps between points, where the log has no interval.
INTERVAL = 50
IMAGES = "images/train"
#: Images of a row, at most, and pixels of its width.
COLUMNS, WIDTH = 8, 1024


def hyperparameters(config: TrainConfig) -> Dict[str, Any]:
    """Return the settings that change what is computed, as a table of runs can hold them; not
    those that others leave without effect.
    """
    values = {"network": config.model, "fusion": str(config.model_kwargs["fusion"])}
    for key, item in settings_of(TrainConfig).items():
        value = getattr(config, key)
        counts = item.resume not in (FREE, UNTOLD) and config.kind in item.only
        tells = item.group not in ("", "instead of a run") and value is not None
        if counts and tells and not config.unused([key]):
            values[key] = ",".join(map(str, value)) if isinstance(value, list) else value
    return values


def epoch_scalars(record: EpochRecord, classes: int) -> Dict[str, float]:
    """Return an epoch's figures of a network of so many classes by name; scores are fractions."""
    scores = {
        f"{part}_{prefix}{name}": value
        for prefix in ("", AVERAGE)
        for name in record.kept.names
        if name != "top5_error" or top5_says_something(classes)
        for part, value in getattr(record, prefix + name).items()
    }
    gradients = {"grad_norm": record.grad_norm, "clipped": record.clipped}
    return {
        "train_loss": record.train_loss,
        f"train_{record.train_metric}": record.train_value,
        **scores,
        "lr": record.lr,
        "images_per_sec": record.images_per_sec,
        **{key: value for key, value in gradients.items() if value is not None},
    }


def final_scores(state: RunState, data: Data) -> Dict[str, float]:
    """Return what came out of a run, as ``result.json`` names it; scores are fractions."""
    best, last, part = state.best(), state.history[-1], data.reported
    first = best.kept.names[0]
    return {
        "score": float(best.error(data.chooser) or 0),
        f"{part}_{first}": best.scores(part)[first],
        f"last_{part}_{first}": last.scores(part)[first],
    }


class TensorBoard:
    """Writes for TensorBoard; nothing, where there is no file.

    Parameters
    ----------
    file : EventFile, optional
        Where it goes.
    config : TrainConfig, optional
        The run.
    workers : int, default 1
        Processes that go through as many images each at the same time.
    """

    def __init__(
        self,
        file: Optional[EventFile] = None,
        config: Optional[TrainConfig] = None,
        workers: int = 1,
    ):
        self._file, self._workers = file, workers
        self._config = config or TrainConfig()
        self._interval = self._config.log_interval or INTERVAL
        self.begin_epoch()

    @classmethod
    def of(
        cls, config: TrainConfig, folder: RunFolder, state: RunState, data: Data, trainer: Trainer
    ) -> TensorBoard:
        """Return that of a run, which goes on from a state; what was shown of later steps is taken
        back.

        Parameters
        ----------
        config : TrainConfig
            The run.
        folder : RunFolder
            Its folders, which exist.
        state : RunState
            Where it goes on.
        data : Data
            Its images.
        trainer : Trainer
            Stands where it goes on.

        Raises
        ------
        InputError
            For earlier files that cannot be read.
        """
        if not folder.events_dir:
            return cls()
        reached = {"step": trainer.step, "epoch": state.next_epoch - 1, "images": math.inf}
        file = EventFile(
            folder.events_dir, lambda tag, at: at <= reached.get(tag.split("/")[0], -math.inf)
        )
        board = cls(file, config, trainer.group.world_size)
        for summary in board._settings(data, trainer.task.scores)[:2]:
            file.add(0, *summary.value)
        return board

    def _settings(self, data: Data, kept: Scores):
        """Return what the plugin of hyperparameters knows: names, this run's values, its end."""
        shown = f"{data.reported}_{kept.names[0]}"
        names = ("score", shown, f"last_{shown}")
        hparams = library(f"{LIBRARY}.summary").hparams
        return hparams(hyperparameters(self._config), {f"final/{name}": 0.0 for name in names})

    def begin_epoch(self) -> None:
        """Measure images per second from now on."""
        self._since, self._images = time.perf_counter(), 0

    def watched(
        self, batches: Iterable, pixels: Callable[[np.ndarray], np.ndarray], step: int
    ) -> Iterable:
        """Return the batches, of which the first is shown, once a run.

        Parameters
        ----------
        batches : iterable
            Of (data, targets).
        pixels : callable
            Data (B, 3, H, W) float32 to uint8, as people look at it.
        step : int
            Of the first batch.
        """
        if not self._file or IMAGES in self._file.tags:
            return batches
        return self._shown(self._file, batches, pixels, step)

    @staticmethod
    def _shown(file: EventFile, batches: Iterable, pixels: Callable, step: int) -> Iterator:
        make = library(f"{LIBRARY}.summary").image
        grid = library(f"{LIBRARY}.utils").make_grid
        for data, targets in batches:
            if IMAGES not in file.tags:
                columns = max(1, min(COLUMNS, WIDTH // data.shape[-1]))
                picture = grid(pixels(data[: columns**2]), columns)
                file.add(step, *make(IMAGES, picture).value)
            yield data, targets

    def step(self, figures: StepFigures) -> None:
        """Show a step's figures, where it is one of every so many."""
        if not self._file:
            return
        self._images += figures.samples * self._workers
        done = figures.step + 1
        if done % self._interval:
            return
        now = time.perf_counter()
        rate = self._images / (now - self._since)
        scalars = {"loss": figures.loss, "lr": figures.lr, "images_per_sec": rate}
        if figures.grad_norm < math.inf:
            scalars["grad_norm"] = figures.grad_norm
        self._file.add_scalars(done, "step", scalars)
        self._since, self._images = now, 0

    def epoch(self, record: EpochRecord) -> None:
        """Show an epoch's figures."""
        if self._file:
            classes = self._config.model_kwargs["classes"]
            self._file.add_scalars(record.epoch, "epoch", epoch_scalars(record, classes))

    def conclude(self, state: RunState, data: Data) -> None:
        """Show what came out, beside the settings."""
        if self._file:
            step = state.history[-1].epoch
            self._file.add_scalars(step, "final", final_scores(state, data))
            self._file.add(step, *self._settings(data, state.best().kept)[2].value)
