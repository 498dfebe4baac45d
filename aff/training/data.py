"""The data of a run, and what is to be learnt of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..data.bad_images import BadImagePolicy
from .amp import Float32
from .task import Task

SMOKE_BATCHES = 2
HELD_OUT = "selection by the held-out part of the training set"


@dataclass(frozen=True)
class Data:
    """The data of a run.

    Parameters
    ----------
    train : TrainLoader or ImageTrainLoader
        Gives an epoch's batches.
    evals : dict of str to EvalLoader or ImageEvalLoader
        Parts to evaluate after each epoch: ``'val'``, held out of the training images or, of image
        files, beside them; ``'test'``; or both.
    description : str
        What is said of the data.
    selection : str
        What is said of how the best epoch is chosen.
    notes : list of str
        Further lines to say.
    facts : dict
        What ``settings.json`` keeps of it: a resumed run has to find the same.
    task : callable, optional
        Number format to what is learnt, where that is not the classes of images by plain
        cross-entropy.
    bad_images : BadImagePolicy, optional
        Counts damaged training images.
    """

    train: Any
    evals: Dict[str, Any]
    description: str = ""
    selection: str = ""
    notes: List[str] = field(default_factory=list)
    facts: Dict[str, Any] = field(default_factory=dict)
    task: Optional[Callable[[Float32], Task]] = None
    bad_images: Optional[BadImagePolicy] = None

    @property
    def chooser(self) -> str:
        """The part whose score chooses the best epoch."""
        return "val" if "val" in self.evals else "test"

    @property
    def reported(self) -> str:
        """The part whose scores are the run's result."""
        return "test" if "test" in self.evals else "val"

    def create_task(self, precision: Float32) -> Task:
        """Return what the run learns."""
        return self.task(precision) if self.task else Task(self.train.soft_targets)


def sums_of(parts: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what tells images of files from others: their names and order, and what they are."""
    return {
        "images": {part: images.order() for part, images in parts.items()},
        "sums": {part: images.sums for part, images in parts.items()},
    }
