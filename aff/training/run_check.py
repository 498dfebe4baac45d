"""Whether a run's files are those that were saved, and what it could go on from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..utils.errors import InputError
from ..utils.json_file import ranged, typed
from ..utils.params_file import ArrayFile
from ..utils.sums import read_sums, sha256
from .checkpoint import BEST, BEST_EMA, NET, list_checkpoints, parameters_of, read_checkpoint
from .logger import JSON_LOG, SETTINGS, read_events
from .run_folder import usual_logs
from .settings_file import read_settings
from .state import RunState


@dataclass(frozen=True)
class Part:
    """A part of a run.

    Parameters
    ----------
    name : str
        Its file or folder.
    said : str
        What there is to say of it.
    damage : str
        What is wrong with it; empty where it is whole.
    """

    name: str
    said: str = ""
    damage: str = ""


@dataclass(frozen=True)
class RunCheck:
    """What was found of a run.

    Parameters
    ----------
    parts : list of Part
        All of it, settings first.
    checkpoint : str or None
        The newest checkpoint that is whole.
    epochs : (int, int)
        Epochs trained by then, and to be trained in all (0: not known).
    """

    parts: List[Part]
    checkpoint: Optional[str]
    epochs: Tuple[int, int]

    @property
    def damaged(self) -> List[Part]:
        """The parts that are not whole."""
        return [part for part in self.parts if part.damage]


def check_run(folder: str) -> RunCheck:
    """Check the files of a run: sums of its checkpoints and of the best parameters, states and
    steps, bounds of all parameter files, epochs of the log.

    Parameters
    ----------
    folder : str
        Its parameters'.

    Raises
    ------
    InputError
        For a folder that holds no run.
    """
    begun = os.path.join(folder, SETTINGS)
    if not parameters_of(folder) and not os.path.isfile(begun):
        raise InputError(f"{folder}: no run's folder: it holds no {SETTINGS} and no parameters")
    look = _Looker()
    parts = [look.at(begun, look.settings)]
    checkpoints = list_checkpoints(folder)
    parts += [look.at(path, look.checkpoint) for path in checkpoints]
    others = [path for path in parameters_of(folder) if path not in checkpoints]
    parts += [look.at(path, look.parameters) for path in others]
    log = log_of(folder, look.training)
    if log:
        parts.append(look.at(log, look.log))
    newest = list(look.states)[-1:]
    done = look.states[newest[0]].next_epoch if newest else 0
    last = look.training.get("num_epochs", 0)
    return RunCheck(parts, newest[0] if newest else None, (done, last))


@dataclass(frozen=True)
class _Told:
    """What of a run's settings is told here."""

    num_epochs: int = ranged(1)


class _Looker:
    """Looks at the parts of a run, settings first, and knows what it has seen: the run's settings,
    the states of its checkpoints that are whole, and the sums of their best parameters.
    """

    def __init__(self) -> None:
        self.training: Dict[str, Any] = {}
        self.states: Dict[str, RunState] = {}
        self.best: Dict[str, List[str]] = {BEST: [], BEST_EMA: []}

    def at(self, path: str, look: Callable[[str], str]) -> Part:
        """Return what there is to say of a part, as `look` says it, or what is wrong with it."""
        try:
            return Part(path, look(path))
        except InputError as error:
            return Part(path, damage=error.message)

    def settings(self, path: str) -> str:
        """Look at ``settings.json``."""
        run = read_settings(os.path.dirname(path))
        told = typed(run.training, _Told, path, "training")
        self.training = run.training or {}
        return f"{told.num_epochs} epochs in all"

    def checkpoint(self, path: str) -> str:
        """Look at a checkpoint."""
        sums = read_sums(path)
        for name, known in self.best.items():
            if name in sums:
                known.append(sums[name])
        saved, _ = read_checkpoint(path)
        ArrayFile(os.path.join(path, NET))
        self.states[path] = RunState.of(path, saved)
        return self.states[path].where + ("" if sums else ", without sums (an earlier version's)")

    def parameters(self, path: str) -> str:
        """Look at parameters that a run keeps."""
        arrays = len(ArrayFile(path).shapes)
        known = self.best.get(os.path.basename(path))
        if known and sha256(path) not in known:
            raise InputError(f"{path}: is damaged, or no checkpoint's")
        return f"{arrays} arrays"

    def log(self, path: str) -> str:
        """Look at the log, which has to tell of the epochs that the newest checkpoint knows."""
        logged = {item.get("epoch") for item in read_events(path) if item.get("event") == "epoch"}
        state = next(reversed(list(self.states.values())), RunState())
        for record in state.history:
            if record.epoch not in logged:
                raise InputError(f"{path}: epoch {record.epoch} is missing")
        return f"{len(logged)} epochs trained"


def log_of(folder: str, training: Mapping[str, Any]) -> Optional[str]:
    """Return the log of the run in `folder`, where it is found from here."""
    logs = str(training.get("logging_dir") or usual_logs(folder))
    log, kept = (os.path.join(logs, name) for name in (JSON_LOG, SETTINGS))
    if not os.path.isfile(log) or not os.path.isfile(kept):
        return None
    theirs = os.path.join(logs, str(read_settings(logs).save_dir))
    return log if os.path.isdir(theirs) and os.path.samefile(theirs, folder) else None
