"""Scores that were measured here: of the published parameters, kept beside them, and of our own
runs, read from their logs.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional

from ..data.datasets import find_dataset
from ..models.records import WeightsRecord
from ..models.registry import check_described, full_arguments
from ..models.weights import DEFAULT_ROOT
from ..nn.fusion import heeds_ratio
from ..training.curves import DataNames
from ..training.logger import SETTINGS, EndEvent, read_events
from ..training.settings_file import read_settings
from ..utils.errors import InputError
from ..utils.files import write_json
from ..utils.json_file import ranged, read_json, typed

SUFFIX = ".evaluation.json"


@dataclass(frozen=True)
class Evaluation:
    """The score of a published file, as it is kept beside it.

    Parameters
    ----------
    sha1 : str
        The file's git blob SHA-1.
    top1_error : float
        Fraction, 0 to 1.
    samples : int
        Of so many images.
    data : str
        What they were.
    """

    sha1: str
    top1_error: float = ranged(0, 1)
    samples: int = ranged(1)
    data: str = ranged()


def evaluation_path(record: WeightsRecord, root: Optional[str] = None) -> str:
    """Return the file that keeps a published file's score."""
    return os.path.join(root or DEFAULT_ROOT, record.name + SUFFIX)


def keep_evaluation(
    record: WeightsRecord, root: Optional[str], top1_error: float, samples: int, data: str
) -> str:
    """Keep a score; gives the file's path.

    Parameters
    ----------
    record : WeightsRecord
        Whose parameters were evaluated, verified.
    root : str, optional
        Their folder.
    top1_error, samples, data
        As an `Evaluation` has them.
    """
    path = evaluation_path(record, root)
    write_json(path, asdict(Evaluation(record.sha1, top1_error, samples, data)))
    return path


def evaluated(record: WeightsRecord, root: Optional[str] = None) -> Optional[float]:
    """Return the top-1 error of a published file that is here, as it was found on the whole of
    its data; else None.

    Raises
    ------
    InputError
        For a damaged file.
    """
    path = evaluation_path(record, root)
    file = os.path.join(os.path.dirname(path), record.filename)
    if not os.path.lexists(path) or not os.path.isfile(file):
        return None
    try:
        found = read_json(path, Evaluation)
    except InputError as error:
        raise InputError(f"{error.message}: evaluate {record.name} again") from error
    whole = found.samples == find_dataset(record.dataset).whole
    return found.top1_error if whole and found.sha1 == record.sha1 else None


@dataclass(frozen=True)
class OwnRun:
    """A run of ours that came to its end.

    Parameters
    ----------
    folder : str
        Of its log.
    model, kwargs : str and dict
        The network.
    dataset, labels : str
        What it was trained on.
    top1_error : float
        Of the best epoch, on the test set, or where there is none on the validation set.
    images : int
        Of so many images.
    """

    folder: str
    model: str
    kwargs: Dict[str, Any]
    dataset: str
    labels: Optional[str]
    top1_error: float
    images: int

    def is_of(
        self, model: str, kwargs: Dict[str, Any], dataset: str, labels: Optional[str]
    ) -> bool:
        """Tell whether it is of this network and data, and scored on the whole of them."""
        return (self.model, self.dataset, self.labels, self.images) == (
            model,
            dataset,
            labels,
            find_dataset(dataset).whole,
        ) and _arguments(model, self.kwargs) == _arguments(model, kwargs)


def _arguments(model: str, kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Return all that makes up a network, without a reduction ratio that its fusion does not
    heed.
    """
    whole = full_arguments(model, kwargs)
    return whole if heeds_ratio(whole["fusion"]) else {**whole, "r": None}


def own_runs(logs: str) -> List[OwnRun]:
    """Return the finished runs in the folders below `logs`; what is no run's log is passed over."""
    found = []
    for folder, _, files in sorted(os.walk(logs)):
        if SETTINGS in files:
            run = _read(folder)
            if run:
                found.append(run)
    return found


def _read(folder: str) -> Optional[OwnRun]:
    try:
        ends = [event for event in read_events(folder) if event["event"] == "end"]
        settings = read_settings(folder)
        if not ends or not settings.model or not settings.data:
            return None
        end = typed(ends[-1], EndEvent, folder)
        data = typed(settings.data, DataNames, folder)
        check_described(settings.model.name, settings.model.kwargs)
        tested = end.test_top1_error is not None
        error, images = (
            (end.test_top1_error, end.test_images)
            if tested
            else (end.val_top1_error, end.val_images)
        )
        if error is None or images is None:
            return None
        model, kwargs = settings.model.name, settings.model.kwargs
        return OwnRun(folder, model, kwargs, data.dataset, data.labels, error, images)
    except InputError:
        return None
