"""Training curves: of our runs (``train.jsonl``, ``train.log``), of the authors'
(``logs/published/*.csv``), and of text logs as the authors' and GluonCV's scripts write them.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Dict, Iterator, List, Match, Optional, Sequence, Tuple

from ..nn.fusion import fusion_title
from ..training.curves import Curve, DataNames, Row, named, row_of, run_title
from ..training.logger import JSON_LOG, MAX_LOG, SETTINGS, TEXT_LOG, read_events
from ..training.record import MAX_EPOCH, MAX_FIGURE, EpochRecord
from ..training.settings_file import read_settings
from ..utils.errors import InputError, unknown
from ..utils.json_file import typed
from ..utils.opening import KB, check_regular, read_lines
from ..utils.report import printable
from ..utils.shipped import find_shipped

MAX_LINE, LONGEST_TITLE = 4 * KB, 200
PUBLISHED_FOLDER = os.path.join("logs", "published")
#: Lines of the authors' text logs: of train_imagenet.py, three an epoch and those of its batches,
#: and of train_cifar.py.
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
#: Lines of our own: an epoch's, as they are and as earlier versions wrote them.
_OURS = (
    re.compile(
        r" epoch (?P<epoch>\d+)  lr (?P<lr>\S+)  train loss (?P<train_loss>\S+), "
        r"(?P<metric>pixel error|\w+) (?P<train_value>\S+)(?: %)?  "
        r"(?:gradient \S+, \S+ % clipped  )?"
        r"(?P<images_per_sec>\d+) images/s  \S+ s  (?P<scores>.+)"
    ),
    re.compile(
        r" epoch (?P<epoch>\d+)  lr (?P<lr>\S+)  train loss (?P<train_loss>\S+)  "
        r"(?P<metric>\w+) (?P<train_value>\S+)  errors: (?P<scores>.+)  "
        r"(?P<images_per_sec>\d+) images/s"
    ),
)
#: Scores in it, of images' classes and of pixels'; not those of a moving average.
_SCORES = {
    ("top1", "top5"): re.compile(
        r"(?<!'s )\b(?P<part>\w+) (?:top-1|error) (?P<top1>\S+) %(?:,? top-5 (?P<top5>\S+) %)?"
    ),
    ("miou", "pixel_error"): re.compile(
        r"(?<!'s )\b(?P<part>\w+) mIoU (?P<miou>\S+) %, pixel error (?P<pixel_error>\S+) %"
    ),
}
#: What training measures in percent, by what a line calls it.
_SHARES = {"error": "top1_error", "pixel error": "pixel_error"}


@dataclass(frozen=True)
class _Joined:
    """What of a network's arguments is in its title."""

    fusion: str


def _references() -> str:
    return find_shipped(*PUBLISHED_FOLDER.split(os.sep)) or PUBLISHED_FOLDER


def list_references() -> List[str]:
    """Return the names of the authors' curves."""
    folder = _references()
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name[:-4] for name in names if name.endswith(".csv"))


def read_reference(name: str) -> Curve:
    """Return one of the authors' curves.

    Raises
    ------
    InputError
        For an unknown name.
    """
    known = list_references()
    if name not in known:
        if not known:
            raise InputError(
                f"{PUBLISHED_FOLDER}: the authors' curves are not in this installation"
            )
        raise unknown("published curve", name, known)
    return read_curve(os.path.join(_references(), f"{name}.csv"), f"published {name}")


def read_curves(paths: Sequence[str]) -> List[Curve]:
    """Return curves from logs, as `read_curve` does; those that would have one name are called by
    their paths.
    """
    curves = [read_curve(path) for path in paths]
    counts = Counter(curve.name for curve in curves)
    for curve, path in zip(curves, paths):
        if counts[curve.name] > 1:
            curve.name = os.path.normpath(path)
    return curves


def mean_over_seeds(curves: Sequence[Curve]) -> List[Curve]:
    """Return curves with those of runs whose names differ by their seed alone (``...-seed0``) as
    one, their mean.

    Raises
    ------
    InputError
        Where such runs have no epoch in common.
    """
    groups: Dict[str, List[Curve]] = {}
    for curve in curves:
        groups.setdefault(re.sub(r"-seed\d+$", "", curve.name), []).append(curve)
    means = [
        Curve.mean_of(f"{name} ({len(runs)} seeds)", runs) if len(runs) > 1 else runs[0]
        for name, runs in groups.items()
    ]
    for mean in means:
        if not mean.rows:
            raise InputError(f"{mean.name}: have no epoch in common: leave {{seeds}} out")
    return means


def read_curve(path: str, name: Optional[str] = None) -> Curve:
    """Return a curve from a log: a run's folder, its ``train.jsonl`` or ``train.log``, a ``.csv``
    file of the authors' figures, or a text log of theirs. A run is called by its folder's name,
    with the paper's name of its fusion.

    Raises
    ------
    InputError
        For a log that cannot be read or holds no epoch.
    """
    if os.path.isdir(path):
        log = os.path.join(path, JSON_LOG)
        if not os.path.exists(log) and os.path.exists(os.path.join(path, SETTINGS)):
            raise InputError(f"{path}: holds a run's parameters: name the folder of its logs")
        path = log
    folder = os.path.dirname(os.path.abspath(path))
    ours = os.path.basename(path) in (JSON_LOG, TEXT_LOG)
    curve = Curve(name or os.path.basename(folder if ours else path))
    read = _READERS.get(os.path.splitext(path)[1], _read_text)
    try:
        for epoch, row in read(path):
            curve.rows.setdefault(epoch, {}).update(_drawable(path, epoch, row))
    except KeyError as error:
        raise InputError(f"{path}: holds no training log: {error} is missing") from error
    except InputError:
        raise
    except (TypeError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: holds no training log: {printable(str(error), 100)}") from error
    if not curve.rows:
        raise InputError(
            f"{path}: holds no epoch: give a run's folder, its {JSON_LOG}, or a text log as the "
            "authors' scripts write it"
        )
    if ours:
        _entitle(curve, os.path.join(folder, SETTINGS))
    return curve


def _drawable(path: str, epoch: int, row: Row) -> Row:
    """Return an epoch's figures.

    Raises
    ------
    InputError
        Where they are beyond those of any training.
    """
    if not 0 <= epoch <= MAX_EPOCH:
        raise InputError(f"{path}: holds no training log: epoch {printable(str(epoch), 100)}")
    for key, value in row.items():
        if abs(value) > MAX_FIGURE:
            raise InputError(f"{path}: holds no training log: {key} {value:g} in epoch {epoch}")
    return {key: value for key, value in row.items() if not math.isnan(value)}


def _entitle(curve: Curve, settings: str) -> None:
    """Have a curve say what was trained on what, where its run's settings tell it."""
    try:
        run = read_settings(os.path.dirname(settings))
        if run.model and run.data:
            name, kwargs = run.model.name, run.model.kwargs
            fusion = typed(kwargs, _Joined, settings, "model.kwargs").fusion
            data = typed(run.data, DataNames, settings, "data")
            curve.title = printable(run_title(name, kwargs, asdict(data)), LONGEST_TITLE)
            if fusion:
                curve.name = curve.name.replace(fusion, fusion_title(fusion))
    except InputError:
        return


def _read_json(path: str) -> Iterator[Tuple[int, Row]]:
    check_regular(path, MAX_LOG)  # which an unwritten log is not
    for event in read_events(path):
        if event["event"] == "epoch":
            record = typed(event, EpochRecord, path)
            yield record.epoch, row_of(asdict(record))


def _read_csv(path: str) -> Iterator[Tuple[int, Row]]:
    names = {
        "train_value": "train_value",
        "train_loss": "train_loss",
        "val_top1_error": "val_top1",
        "val_top5_error": "val_top5",
        "samples_per_sec": "images_per_sec",
    }
    for line in csv.DictReader(read_lines(path, MAX_LOG, MAX_LINE)):
        row = {ours: float(line[theirs]) for theirs, ours in names.items() if line.get(theirs)}
        yield int(line["epoch"]), named(line["train_metric"], row)


def _read_text(path: str) -> Iterator[Tuple[int, Row]]:
    for line in read_lines(path, MAX_LOG, MAX_LINE):
        ours = next(filter(None, (pattern.search(line) for pattern in _OURS)), None)
        if ours:
            yield _our_row(ours)
            continue
        for pattern in _LINES:
            match = pattern.search(line)
            if match:
                found = match.groupdict()
                epoch, metric = int(found.pop("epoch")), found.pop("metric", None) or ""
                row = {key: float(value) for key, value in found.items()}
                if "val_accuracy" in row:
                    row["val_top1"] = 1 - row.pop("val_accuracy")
                yield epoch, named(metric, row)


def _our_row(match: Match[str]) -> Tuple[int, Row]:
    found = match.groupdict()
    row = {key: float(found[key]) for key in ("lr", "train_loss", "train_value", "images_per_sec")}
    for keys, pattern in _SCORES.items():
        for part, *scores in pattern.findall(found["scores"]):
            told = {key: value for key, value in zip(keys, scores) if value}
            row.update({f"{part}_{key}": float(value) / 100 for key, value in told.items()})
    metric = _SHARES.get(found["metric"], found["metric"])
    if metric != found["metric"]:  # in percent
        row["train_value"] /= 100
    return int(found["epoch"]), named(metric, row)


_READERS = {".jsonl": _read_json, ".csv": _read_csv}
