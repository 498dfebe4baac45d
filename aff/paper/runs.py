"""The runs whose logs are here: what each trained, and what came out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from ..models.registry import full_arguments
from ..training.logger import SETTINGS
from ..utils.errors import InputError
from ..utils.files import read_json
from .experiment import read_events
from .scores import WHOLE, fraction


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
        """Whether it is of this network and data, and scored on the whole of them."""
        return (self.model, self.dataset, self.labels, self.images) == (
            model,
            dataset,
            labels,
            WHOLE[dataset],
        ) and full_arguments(model, self.kwargs) == full_arguments(model, kwargs)


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
