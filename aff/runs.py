"""The runs whose logs are here: what each trained, and what came out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from .errors import InputError
from .experiment import read_events
from .files import read_json
from .model_zoo import resolve_model
from .published import Published

SETTINGS = "settings.json"


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
    """

    folder: str
    model: str
    kwargs: Dict[str, Any]
    dataset: str
    labels: Optional[str]
    top1_error: float

    @property
    def channel_times(self) -> int:
        """Width of a CIFAR ResNet, in multiples of the narrowest."""
        return self.kwargs.get("channel_times", 1)

    def is_of(self, record: Published) -> bool:
        """Whether it is of a published network, on the data that this one was trained on."""
        name, kwargs = resolve_model(record.name)
        return (self.model, self.dataset, self.labels) == (
            name,
            record.dataset,
            record.label_set,
        ) and all(self.kwargs.get(key) == value for key, value in kwargs.items())


def own_runs(logs: str) -> List[OwnRun]:
    """The finished runs in the folders below `logs`; what is no run's log is passed over."""
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
        errors = [
            ends[-1][f"{part}_top1_error"]
            for part in ("test", "val")
            if f"{part}_top1_error" in ends[-1]
        ]
        return OwnRun(
            folder,
            settings["model"]["name"],
            settings["model"]["kwargs"],
            settings["data"].get("dataset", "imagenet"),
            settings["data"].get("labels"),
            float(errors[0]),
        )
    except (InputError, IndexError, KeyError, TypeError, ValueError):
        return None
