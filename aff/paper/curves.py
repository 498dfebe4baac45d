"""Training curves: of our runs (``train.jsonl``), of the authors' (``logs/published/*.csv``), and
of text logs as the authors' and GluonCV's scripts write them.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

from ..training.logger import JSON_LOG, read_events
from ..utils.errors import InputError, unknown

PUBLISHED_FOLDER = os.path.join("logs", "published")
Row = Dict[str, float]
#: Lines of the text logs: of train_imagenet.py, three an epoch and those of its batches, and of
#: train_cifar.py.
_LINES = (
    re.compile(r"\[Epoch (?P<epoch>\d+)\] training: (?P<metric>[\w-]+)=(?P<train_value>\S+)"),
    re.compile(r"\[Epoch (?P<epoch>\d+)\] speed: (?P<images_per_sec>\d+) samples/sec"),
    re.compile(r"Epoch\[(?P<epoch>\d+)\] Batch \[\d+\]\s.*\blr=(?P<lr>\S+)"),
    re.compile(
        r"\[Epoch (?P<epoch>\d+)\] validation: "
        r"err-top1=(?P<val_top1>\S+) err-top5=(?P<val_top5>\S+)"
    ),
    re.compile(
        r"\[Epoch (?P<epoch>\d+)\] train=(?P<train_value>\S+) val=(?P<val_accuracy>\S+) "
        r"loss=(?P<train_loss>\S+) time: "
    ),
)


@dataclass
class Curve:
    """Figures of a run by epoch.

    Parameters
    ----------
    name : str
        What to call it.
    train_metric : str
        Name of ``train_value``: ``'top1_error'``, ``'accuracy'`` or ``'rmse'``.
    rows : dict of int to dict
        Epoch to its figures: ``train_value``, ``train_loss``, ``<part>_top1`` and ``<part>_top5``
        (errors, fractions; parts are ``val`` and ``test``), ``lr``, ``images_per_sec``, as far as
        the log has them.
    """

    name: str
    train_metric: str = ""
    rows: Dict[int, Row] = field(default_factory=dict)

    def series(self, key: str) -> Tuple[List[int], List[float]]:
        """Return epochs and values of a figure, where there are any."""
        found = [(epoch, row[key]) for epoch, row in sorted(self.rows.items()) if key in row]
        return [epoch for epoch, _ in found], [value for _, value in found]

    def keys(self) -> List[str]:
        """Return the figures that there are."""
        return sorted({key for row in self.rows.values() for key in row})


def list_references(folder: str = PUBLISHED_FOLDER) -> List[str]:
    """Return the names of the authors' curves."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name[:-4] for name in names if name.endswith(".csv"))


def read_reference(name: str, folder: str = PUBLISHED_FOLDER) -> Curve:
    """Return one of the authors' curves.

    Raises
    ------
    InputError
        For an unknown name.
    """
    known = list_references(folder)
    if name not in known:
        if not known:
            raise InputError(f"{folder}: the authors' curves are not here: run from the repository")
        raise unknown("published curve", name, known)
    return read_curve(os.path.join(folder, f"{name}.csv"), f"published {name}")


def read_curve(path: str, name: Optional[str] = None) -> Curve:
    """Return a curve from a log: a run's folder or its ``train.jsonl``, a ``.csv`` file of the
    authors' figures, or a text log.

    Raises
    ------
    InputError
        For a log that cannot be read or holds no epoch.
    """
    if os.path.isdir(path):
        path = os.path.join(path, JSON_LOG)
    folder = os.path.dirname(os.path.abspath(path))
    ours = os.path.basename(path) == JSON_LOG
    curve = Curve(name or os.path.basename(folder if ours else path))
    read = _READERS.get(os.path.splitext(path)[1], _read_text)
    try:
        found = read(path)
        for epoch, metric, row in found:
            curve.rows.setdefault(epoch, {}).update(row)
            curve.train_metric = metric or curve.train_metric
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except KeyError as error:
        raise InputError(f"{path}: holds no training log: {error} is missing") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise InputError(f"{path}: holds no training log: {error}") from error
    if not curve.rows:
        raise InputError(
            f"{path}: holds no epoch: give a run's folder, its {JSON_LOG}, or a text log as the "
            "authors' scripts write it"
        )
    return curve


def _read_json(path: str) -> Iterator[Tuple[int, str, Row]]:
    os.stat(path)  # which an unwritten log is not
    for event in read_events(path):
        if event.get("event") != "epoch":
            continue
        figures = ("lr", "train_loss", "train_value", "images_per_sec")
        row = {key: float(event[key]) for key in figures if key in event}
        for part, value in event["top1_error"].items():
            row[f"{part}_top1"] = float(value)
            row[f"{part}_top5"] = float(event["top5_error"][part])
        yield int(event["epoch"]), str(event["train_metric"]), row


def _read_csv(path: str) -> Iterator[Tuple[int, str, Row]]:
    names = {
        "train_value": "train_value",
        "train_loss": "train_loss",
        "val_top1_error": "val_top1",
        "val_top5_error": "val_top5",
        "samples_per_sec": "images_per_sec",
    }
    with open(path, encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            row = {ours: float(line[theirs]) for theirs, ours in names.items() if line.get(theirs)}
            yield int(line["epoch"]), line["train_metric"], row


def _read_text(path: str) -> Iterator[Tuple[int, str, Row]]:
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            for pattern in _LINES:
                match = pattern.search(line)
                if match:
                    found = match.groupdict()
                    epoch, metric = int(found.pop("epoch")), found.pop("metric", None) or ""
                    row = {key: float(value) for key, value in found.items()}
                    if "val_accuracy" in row:
                        row["val_top1"] = 1 - row.pop("val_accuracy")
                    yield epoch, metric, row


_READERS = {".jsonl": _read_json, ".csv": _read_csv}
