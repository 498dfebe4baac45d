"""What came out of runs, and in which settings they differ, from the files that they leave."""

from __future__ import annotations

import contextlib
import os
import statistics
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..data.datasets import DATASETS
from ..models.registry import check_described, full_arguments
from ..utils.errors import InputError
from ..utils.json_file import ranged, read_json, typed
from ..utils.lock import holder_of
from .config import TrainConfig
from .logger import JSON_LOG, SETTINGS, read_events
from .record import AVERAGE, MAX_EPOCH, MAX_FIGURE, EpochRecord
from .result import RESULT
from .run_check import log_of
from .scores import IMAGES, PIXELS
from .setting import UNTOLD, settings_of
from .settings_file import read_settings, upgraded
from .state import RunState

#: Groups of settings that say where a run went and what it keeps, not what it trains.
KEEPING = ("", "files", "instead of a run")
SCORES = (*IMAGES.names, *PIXELS.names)
#: What else is compared: facts of the machine that change what is computed.
FACTS = ("devices",)


@dataclass(frozen=True)
class Scored:
    """Scores of an epoch by part, fractions, as ``result.json`` has them: of images' classes, or of
    pixels'.
    """

    epoch: int = ranged(0, MAX_EPOCH)
    top1_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    top5_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    miou: Dict[str, float] = ranged(0, 1, default_factory=dict)
    pixel_error: Dict[str, float] = ranged(0, 1, default_factory=dict)

    @classmethod
    def of(cls, record: EpochRecord, prefix: str = "") -> Scored:
        """Return those of a record; `AVERAGE` for the moving average's."""
        return cls(record.epoch, **{name: getattr(record, prefix + name) for name in SCORES})

    def at(self, name: str, part: str) -> Optional[float]:
        """Return a score on a part; None where it is not there."""
        return getattr(self, name).get(part)


@dataclass(frozen=True)
class _Result:
    """What is read of ``result.json``."""

    best: Scored
    last: Scored
    average: Optional[Scored] = None
    epochs: int = ranged(0, MAX_EPOCH, default=0)
    stopped_early: bool = False
    seconds: float = ranged(0, MAX_FIGURE, default=0.0)


@dataclass(frozen=True)
class _Planned:
    """What is read of the settings beside what is compared."""

    num_epochs: int = ranged(1, MAX_EPOCH)
    dataset: str = "cifar100"


@dataclass(frozen=True)
class RunSummary:
    """A run.

    Parameters
    ----------
    folder : str
        As it was named.
    settings : dict
        What it trains with, by name; of the network each argument.
    state : str
        ``'ended'``, ``'stopped early'``, ``'running'``, or ``'not ended'``.
    epochs, num_epochs : int
        Epochs trained, and to be trained in all.
    best, last, average : Scored or None
        Of the best epoch and of the last one; the best of the moving average, where there is one.
    seconds : float
        That its epochs took.
    images_per_sec : float or None
        Median of the epochs, where the log is there.
    """

    folder: str
    settings: Dict[str, Any]
    state: str
    epochs: int
    num_epochs: int
    best: Optional[Scored] = None
    last: Optional[Scored] = None
    average: Optional[Scored] = None
    seconds: float = 0.0
    images_per_sec: Optional[float] = None

    @property
    def parts(self) -> List[str]:
        """Parts that it has scores on, ``'val'`` first."""
        found = {part for name in SCORES for part in getattr(self.last, name, ())}
        return sorted(found, key=_place)


def _place(part: str) -> Tuple[bool, str]:
    return part != "val", part


def read_run(folder: str) -> RunSummary:
    """Return what there is to say of a run, ended or not, from its log, or, where that is not
    found, from its ``result.json``.

    Parameters
    ----------
    folder : str
        Of its parameters or of its logs.

    Raises
    ------
    InputError
        For a folder that holds no run, and for files that hold something else.
    """
    path = os.path.join(folder, SETTINGS)
    if not os.path.isfile(path):
        raise InputError(f"{folder}: no run's folder: it holds no {SETTINGS}")
    run = read_settings(folder)
    training = upgraded(run.training or {})
    planned = typed(training, _Planned, path, "training")
    told = {"settings": _compared(training, planned.dataset), "num_epochs": planned.num_epochs}
    log = os.path.join(folder, JSON_LOG)
    found = log if os.path.isfile(log) else log_of(folder, training)
    if found:
        return _from_log(found, folder, told)
    path = os.path.join(folder, RESULT)
    if not os.path.isfile(path):
        return RunSummary(folder, state=_unfinished(folder), epochs=0, **told)
    result = read_json(path, _Result)
    figures = {
        key: getattr(result, key) for key in ("best", "last", "average", "epochs", "seconds")
    }
    state = "stopped early" if result.stopped_early else "ended"
    return RunSummary(folder, state=state, **figures, **told)


def _unfinished(folder: str) -> str:
    return "running" if holder_of(folder) else "not ended"


def _from_log(log: str, folder: str, told: Dict[str, Any]) -> RunSummary:
    state, chooser, ended = RunState(), "", False
    for event in read_events(log):
        if event["event"] == "epoch":
            record = typed(event, EpochRecord, log)
            chooser = chooser or min(record.parts(record.kept), key=_place, default="")
            if record.error(chooser) is None:
                part = f"{chooser} score" if chooser else "scores"
                raise InputError(f"{log}: epoch {record.epoch} has no {part}")
            state.add(record, chooser)
        elif event["event"] in ("start", "resume", "end"):
            ended = event["event"] == "end"
    history = state.history
    if not history:
        return RunSummary(folder, state=_unfinished(folder), epochs=0, **told)
    average, done = state.best_ema(), len(history)
    early = history[-1].epoch + 1 < told["num_epochs"]
    return RunSummary(
        folder,
        state=("stopped early" if early else "ended") if ended else _unfinished(folder),
        epochs=done,
        best=Scored.of(state.best()),
        last=Scored.of(history[-1]),
        average=Scored.of(average, AVERAGE) if average else None,
        seconds=sum(record.seconds for record in history),
        images_per_sec=statistics.median(record.images_per_sec for record in history),
        **told,
    )


def _compared(training: Mapping[str, Any], dataset: str) -> Dict[str, Any]:
    """Return what a run trains with, by name, beside its number of epochs; what an earlier version
    did not write is as usual.
    """
    record = DATASETS.get(dataset)
    kind = record.kind if record else "cifar"
    compared = {
        key: training.get(key, item.default(kind))
        for key, item in settings_of(TrainConfig).items()
        if item.resume != UNTOLD and item.group not in KEEPING and key != "num_epochs"
    }
    kwargs = training.get("model_kwargs")
    network = kwargs if isinstance(kwargs, dict) else {}
    model = training.get("model")
    with contextlib.suppress(InputError):  # of a network that is not registered here
        check_described(str(model), network)
        network = {**network, **full_arguments(str(model), network)}
    facts = {key: training[key] for key in FACTS if key in training}
    return {"model": model, **network, **compared, **facts}


def differing(runs: Sequence[RunSummary]) -> List[str]:
    """Return the names of the settings that are not the same in all runs, in their order."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return [
        name
        for name in names
        if any(run.settings.get(name) != runs[0].settings.get(name) for run in runs)
    ]
