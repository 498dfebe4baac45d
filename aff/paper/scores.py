"""Scores that were measured here: of the published parameters, kept beside them, and of our own
runs, read from their logs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from ..data.datasets import find_dataset
from ..models.records import WeightsRecord
from ..models.registry import full_arguments
from ..models.weights import DEFAULT_ROOT
from ..training.logger import SETTINGS, read_events
from ..utils.errors import InputError
from ..utils.files import read_json, write_json

SUFFIX = ".evaluation.json"


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
    top1_error : float
        Fraction, 0 to 1.
    samples : int
        Of so many images.
    data : str
        What they were.
    """
    path = evaluation_path(record, root)
    write_json(
        path,
        {"sha1": record.sha1, "top1_error": top1_error, "samples": samples, "data": data},
    )
    return path


def evaluated(record: WeightsRecord, root: Optional[str] = None) -> Optional[float]:
    """Return the top-1 error of a published file as it was found here, or None.

    Raises
    ------
    InputError
        For a damaged file.
    """
    path = evaluation_path(record, root)
    if not os.path.exists(path):
        return None
    found = read_json(path)
    if found.get("sha1") != record.sha1:
        return None
    try:
        return fraction(found.get("top1_error"))
    except ValueError as error:
        raise InputError(f"{path}: top1_error is {error}: evaluate {record.name} again") from error


def fraction(value: object) -> float:
    """Return an error as logs hold it.

    Raises
    ------
    ValueError
        Where it is no number from 0 to 1.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{value!r}, no fraction of images")
    return float(value)


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
        ) and full_arguments(model, self.kwargs) == full_arguments(model, kwargs)


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
    ends = [event for event in read_events(folder) if event.get("event") == "end"]
    try:
        settings = read_json(os.path.join(folder, SETTINGS))
        part = "test" if "test_top1_error" in ends[-1] else "val"
        run = OwnRun(
            folder,
            settings["model"]["name"],
            settings["model"]["kwargs"],
            settings["data"]["dataset"],
            settings["data"]["labels"],
            fraction(ends[-1][f"{part}_top1_error"]),
            ends[-1][f"{part}_images"],
        )
        full_arguments(run.model, run.kwargs)
        return run
    except (InputError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
