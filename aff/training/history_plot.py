"""The picture of a run's history, ``history.png``."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Sequence

from .config import TrainConfig
from .curve_figure import draw
from .curves import Curve, row_of, run_title
from .logger import HISTORY_PLOT, RunLogger
from .record import EpochRecord

#: A part of the run's time, at most, that goes into pictures.
SHARE = 0.05
#: What is left out: it says more of the machine than of the run.
SPEED = "images_per_sec"


class HistoryPlot:
    """Draws a run's curves, as often as that takes no more than a twentieth of its time.

    Parameters
    ----------
    path : str, default ''
        The file, .png; without one nothing is drawn.
    title : str, default ''
        What is trained on what.
    """

    def __init__(self, path: str = "", title: str = ""):
        self.path, self.title = path, title
        self._next = 0.0

    @classmethod
    def of(cls, config: TrainConfig, logger: RunLogger) -> HistoryPlot:
        """Return that of a run, whose files go where its logger's go."""
        title = run_title(config.model, config.model_kwargs, config.data)
        return cls(logger.path(HISTORY_PLOT), title)

    def update(self, history: Sequence[EpochRecord], at_once: bool = False) -> None:
        """Draw what there is of the history, where it is time to, or `at_once`."""
        start = time.perf_counter()
        if not self.path or not history or (start < self._next and not at_once):
            return
        rows = {record.epoch: row_of(asdict(record)) for record in history}
        for row in rows.values():
            del row[SPEED]
        draw([Curve(self.title, rows, self.title)], self.path)
        end = time.perf_counter()
        self._next = end + (end - start) / SHARE
