"""A run's figures by epoch, to be drawn: the curve of its own history or of a log."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from statistics import mean
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..data.datasets import DATASETS
from ..models.naming import short_name
from ..nn.fusion import fusion_title
from .scores import IMAGES, PIXELS, Scores

Row = Dict[str, float]
#: Parts that are evaluated, and scores of an epoch's record by what they are called in a row.
EVALUATED = ("val", "test")
KEYS = {"top1_error": "top1", "top5_error": "top5", "miou": "miou", "pixel_error": "pixel_error"}


@dataclass(frozen=True)
class Best:
    """A run's best epoch.

    Parameters
    ----------
    epoch : int
        Which.
    chooser : str
        Part whose score chose it.
    part : str
        Part whose score is the run's result.
    key : str
        The figure of the rows that is that score.
    score : float
        Its value, a fraction: a top-1 error, or a mean IoU.
    """

    epoch: int
    chooser: str
    part: str
    key: str
    score: float


@dataclass
class Curve:
    """Figures of a run by epoch.

    Parameters
    ----------
    name : str
        What to call it.
    rows : dict of int to dict
        Epoch to its figures: ``train_loss``, ``<part>_top1`` and ``<part>_top5`` (errors,
        fractions; parts are ``val`` and ``test``) or, of segmentation, ``<part>_miou`` and
        ``<part>_pixel_error``, of training ``train_top1``, ``train_pixel_error`` or ``train_rmse``
        (soft targets), ``lr``, ``images_per_sec``, as far as the log has them.
    title : str
        What was trained on what, where that is known.
    runs : list of Curve
        Those that it is the mean of.
    """

    name: str
    rows: Dict[int, Row] = field(default_factory=dict)
    title: str = ""
    runs: List[Curve] = field(default_factory=list)

    @classmethod
    def mean_of(cls, name: str, runs: Sequence[Curve]) -> Curve:
        """Return the mean of runs, of the epochs and figures that all of them have."""
        first = runs[0]
        rows: Dict[int, Row] = {}
        for epoch in set.intersection(*(set(run.rows) for run in runs)):
            keys = set.intersection(*(set(run.rows[epoch]) for run in runs))
            rows[epoch] = {key: mean(run.rows[epoch][key] for run in runs) for key in keys}
        return cls(name, rows, first.title, list(runs))

    def band(self, key: str) -> Tuple[List[int], List[float], List[float]]:
        """Return epochs, least and greatest value of a figure among the runs that the curve is the
        mean of; nothing of a single run.
        """
        found = [dict(zip(*run.series(key))) for run in self.runs]
        epochs = sorted(set.intersection(*map(set, found))) if found else []
        lows, highs = ([end(run[e] for run in found) for e in epochs] for end in (min, max))
        return epochs, lows, highs

    def series(self, key: str) -> Tuple[List[int], List[float]]:
        """Return epochs and values of a figure, where there are any."""
        found = [(epoch, row[key]) for epoch, row in sorted(self.rows.items()) if key in row]
        return [epoch for epoch, _ in found], [value for _, value in found]

    @property
    def kept(self) -> Scores:
        """Which scores it has: of images' classes, where it has none."""
        pixels = any(f"{part}_miou" in row for row in self.rows.values() for part in EVALUATED)
        return PIXELS if pixels else IMAGES

    def best(self) -> Optional[Best]:
        """Return the best epoch: the last of those with the smallest top-1 error, or largest mean
        IoU, on the held-out part, or on the other where nothing is held out, as a run chooses it.
        """
        kept = self.kept
        first = KEYS[kept.names[0]]
        parts = [part for part in EVALUATED if self.series(f"{part}_{first}")[0]]
        if not parts:
            return None
        chosen = dict(zip(*self.series(f"{parts[0]}_{first}")))
        epoch = min(chosen, key=lambda epoch: (kept.error(chosen[epoch]), -epoch))
        key = f"{parts[-1]}_{first}"
        result = dict(zip(*self.series(key)))
        return Best(epoch, parts[0], parts[-1], key, result[epoch]) if epoch in result else None


@dataclass(frozen=True)
class DataNames:
    """What names a run's data in its settings."""

    dataset: str
    labels: Optional[str] = None
    data_dir: Optional[str] = None


def named(metric: str, row: Row) -> Row:
    """Return figures with ``train_value`` under the name of what it is: of an accuracy an error;
    as it is where no `metric` is known.
    """
    if not metric or "train_value" not in row:
        return row
    others = {key: value for key, value in row.items() if key != "train_value"}
    if metric == "accuracy":
        return {"train_top1": 1 - row["train_value"], **others}
    return {f"train_{KEYS.get(metric, metric)}": row["train_value"], **others}


def row_of(record: Mapping[str, Any]) -> Row:
    """Return the figures of an epoch's record, as a log or a run's history holds it."""
    figures = ("lr", "train_loss", "train_value", "images_per_sec")
    found = {key: float(record[key]) for key in figures if key in record}
    row = named(record["train_metric"], found)
    for kept in (IMAGES, PIXELS):
        for part in record[kept.names[0]]:
            for name in kept.names:
                row[f"{part}_{KEYS[name]}"] = float(record[name][part])
    return row


def run_title(model: str, kwargs: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return what is trained on what, as in ``resnet8-AFF on fashion-mnist``.

    Parameters
    ----------
    model, kwargs : str and mapping
        The network, as `aff.get_model` takes it.
    data : mapping
        Its ``dataset``, and its ``labels`` and ``data_dir`` where there are any.
    """
    network = short_name(model, {**kwargs, "fusion": fusion_title(kwargs["fusion"])})
    name, labels = data["dataset"], data.get("labels")
    record = DATASETS.get(name)
    if record and record.kind != "cifar" and data.get("data_dir"):
        name = os.path.basename(os.path.normpath(data["data_dir"]))
    return f"{network} on {name}" + (f" ({labels} labels)" if labels else "")
