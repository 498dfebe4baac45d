"""Where a run's files go: which folders, and that no other run is overwritten."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set

from ..utils.errors import InputError
from ..utils.files import folder_for_files, open_in_place
from ..utils.libraries import library
from ..utils.lock import locked
from .checkpoint import newest_checkpoint, parameters_of
from .config import TrainConfig
from .event_file import LIBRARY, event_files
from .fields_files import AUTO
from .logger import HISTORY_PLOT, JSON_LOG, SETTINGS, TEXT_LOG
from .settings_file import changes, read_settings


@dataclass(frozen=True)
class RunDirs:
    """Folders of a run, and the checkpoint it goes on from.

    Parameters
    ----------
    save_dir, log_dir : str
        For parameters and checkpoints; for logs and the history plot.
    checkpoint : str or None
        Where the run goes on from.
    tensorboard : str, optional
        For TensorBoard, as the user gave it.
    """

    save_dir: str
    log_dir: str
    checkpoint: Optional[str] = None
    tensorboard: Optional[str] = None

    @property
    def events_dir(self) -> Optional[str]:
        """The folder for TensorBoard, where there is one."""
        usual = os.path.join(self.log_dir, "tensorboard")
        return usual if self.tensorboard == AUTO else self.tensorboard

    @property
    def folders(self) -> Dict[str, str]:
        """All folders, by the setting that names them."""
        named = {
            "{tensorboard}": self.events_dir,
            "{logging_dir}": self.log_dir,
            "{save_dir}": self.save_dir,
        }
        return {field: folder for field, folder in named.items() if folder}


def choose(
    name: str,
    save_dir: Optional[str],
    log_dir: Optional[str],
    resume: Optional[str],
    tensorboard: Optional[str] = None,
) -> RunDirs:
    """Choose a run's folders; nothing is created yet.

    Parameters
    ----------
    name : str
        Of the run; without `save_dir` the run goes to ``params/<name>``, with a number behind where
        that is taken.
    save_dir, log_dir : str, optional
        As the user gave them; logs go to ``logs/<name of the save folder>`` by default.
    resume : str, optional
        ``'auto'``: the newest checkpoint of `save_dir` (or of the newest run of this name), or a
        new run where there is none; else a run's folder or one of its checkpoints.
    tensorboard : str, optional
        Folder for TensorBoard, as the user gave it; ``'auto'``: one within that of the logs.

    Raises
    ------
    InputError
        When a folder holds another run, or there is nothing to resume in the folder named.
    """
    if resume and resume != "auto":
        checkpoint = newest_checkpoint(resume)
        if checkpoint is None:
            raise InputError(f"{{resume}} {resume}: no checkpoint there")
        folder = os.path.dirname(checkpoint) or "."
        if save_dir and os.path.abspath(save_dir) != os.path.abspath(folder):
            raise InputError(
                f"{{resume}} {resume} goes on in {folder}: leave {{save_dir}} {save_dir} out"
            )
        return _same(RunDirs(folder, log_dir or usual_logs(folder), checkpoint, tensorboard))
    if not save_dir:
        taken = _taken("params", name)
        if not (resume and taken):
            number = max([*taken, *_taken("logs", name)], default=0) + 1
            save_dir = _numbered(name, number)
            return _new(RunDirs(save_dir, log_dir or usual_logs(save_dir), None, tensorboard))
        save_dir = _numbered(name, max(taken))
    checkpoint = newest_checkpoint(save_dir) if resume else None
    dirs = RunDirs(save_dir, log_dir or usual_logs(save_dir), checkpoint, tensorboard)
    if checkpoint:
        return _same(dirs)
    begun = os.path.join(save_dir, SETTINGS)
    if parameters_of(save_dir) or (not resume and os.path.lexists(begun)):
        raise InputError(
            f"{{save_dir}} {save_dir} holds a run already: "
            + (
                "it has no checkpoint to go on from; name another folder"
                if resume
                else "go on with it by {resume} auto, or name another folder"
            )
        )
    if not os.path.lexists(begun):
        return _new(dirs)
    if read_settings(save_dir).training is None:
        raise InputError(f"{{save_dir}} {save_dir}: {SETTINGS} is no run's: name another folder")
    return _same(dirs)  # of a run that was killed before its first checkpoint


def _new(dirs: RunDirs) -> RunDirs:
    """Return the folders of a new run, checked not to hold another's log."""
    for field, folder in dirs.folders.items():
        theirs = [os.path.join(folder, name) for name in (JSON_LOG, HISTORY_PLOT, SETTINGS)]
        if field == "{tensorboard}":
            theirs = [*theirs[-1:], *event_files(folder)]
        if field != "{save_dir}":
            _refuse_others(field, folder, theirs)
    return dirs


def _refuse_others(field: str, folder: str, files: Iterable[str]) -> None:
    """Refuse a folder where one of these files of another run is."""
    for path in filter(os.path.lexists, files):
        raise InputError(
            f"{field} {folder} holds the log of another run ({os.path.basename(path)}): name "
            "another folder"
        )


def _same(dirs: RunDirs) -> RunDirs:
    """Return the folders of a run to go on with, its log's checked not to be another run's."""
    for field, folder in dirs.folders.items():
        kept = os.path.join(folder, SETTINGS)
        if folder == dirs.save_dir:
            continue
        if not os.path.exists(kept):
            _refuse_others(field, folder, event_files(folder) if field == "{tensorboard}" else ())
            continue
        name = read_settings(folder).save_dir
        other = os.path.normpath(os.path.join(folder, name)) if name else ""
        theirs, ours = os.path.join(other, SETTINGS), os.path.join(dirs.save_dir, SETTINGS)
        both = bool(name) and os.path.exists(theirs) and os.path.exists(ours)
        if both and not os.path.samefile(theirs, ours):
            raise InputError(
                f"{field} {folder} holds the log of the run in {other}: name another folder"
            )
    return dirs


def _numbered(name: str, number: int) -> str:
    return os.path.join("params", name if number == 1 else f"{name}-{number}")


def _taken(folder: str, name: str) -> List[int]:
    """Return numbers of the runs of this name in `folder`, 1 for the one without a number."""
    paths = glob.glob(os.path.join(folder, glob.escape(name) + "*"))
    found = [
        re.fullmatch(re.escape(name) + r"(?:-(\d{1,6}))?", os.path.basename(path)) for path in paths
    ]
    return [int(match.group(1) or 1) for match in found if match]


def usual_logs(save_dir: str) -> str:
    """Return where the logs of a run go whose parameters go to `save_dir`."""
    return os.path.join("logs", os.path.basename(os.path.abspath(save_dir)))


class RunFolder:
    """The folders of a run, held as far as they are there.

    Parameters
    ----------
    config : TrainConfig
        The run's settings.
    dirs : RunDirs
        As they were chosen.
    held : ExitStack
        Lets go of them when it is closed.
    """

    def __init__(self, config: TrainConfig, dirs: RunDirs, held: contextlib.ExitStack):
        self.save_dir, self.log_dir, self.checkpoint = dirs.save_dir, dirs.log_dir, dirs.checkpoint
        self.events_dir, self._folders = dirs.events_dir, dirs.folders
        self._config, self._held = config, held
        self._locked: Set[str] = set()
        if self.checkpoint:
            self._hold(held)

    @property
    def ways(self) -> Dict[str, str]:
        """The folders, each with the way from a run's logs there to its parameters, which stays
        when all are moved.
        """
        starts = {self.save_dir: self.log_dir, self.log_dir: self.log_dir}
        if self.events_dir:
            starts.setdefault(self.events_dir, self.events_dir)
        return {folder: os.path.relpath(self.save_dir, start) for folder, start in starts.items()}

    def changes(self, facts: Mapping[str, Any]) -> List[str]:
        """Return what differs from the settings and data that the run was trained with so far.

        Raises
        ------
        InputError
            For what means another run than the one in the folder.
        """
        return changes(self._config, facts, self.save_dir) if self.checkpoint else []

    def create(self) -> None:
        """Create and hold the folders that are not there yet; others are held.

        Raises
        ------
        InputError
            Where they cannot be created or written to, or another run was faster.
        """
        with contextlib.ExitStack() as made, contextlib.ExitStack() as held:
            for path in reversed(self._folders.values()):
                made.enter_context(folder_for_files(path))
            self._hold(held)
            self._held.push(held.pop_all())

    def _hold(self, held: contextlib.ExitStack) -> None:
        """Hold the folders until `held` is closed, and look again what is in them: they were chosen
        when other processes could still write there.
        """
        folders = {os.path.realpath(path): (path, field) for field, path in self._folders.items()}
        for path, (folder, field) in reversed(folders.items()):
            if path not in self._locked and (not self.checkpoint or os.path.isdir(path)):
                held.enter_context(locked(folder, field))
                self._locked.add(path)
        name, resume = self._config.name, self._config.resume
        found = choose(name, self.save_dir, self.log_dir, resume, self.events_dir)
        if bool(found.checkpoint) != bool(self.checkpoint):
            raise InputError(f"{self.save_dir}: another run has just been there: start again")
        self.checkpoint = found.checkpoint
        logs = [os.path.join(self.log_dir, name) for name in (JSON_LOG, TEXT_LOG)]
        for path in [*logs, *event_files(self.events_dir or "")]:
            if os.path.lexists(path):
                open_in_place(path, "ab").close()


@contextlib.contextmanager
def open_folder(config: TrainConfig, facts: Mapping[str, Any]) -> Iterator[RunFolder]:
    """Choose a run's folders, hold them where they are there, and let go of them at the end.

    Parameters
    ----------
    config : TrainConfig
        The run's settings.
    facts : dict
        What ``settings.json`` keeps of its data and devices, as far as it is known.

    Raises
    ------
    InputError
        For folders that hold another run, or that another process holds, and for settings that mean
        another run than the one in the folder.
    """
    if config.tensorboard:
        library(LIBRARY)  # which has to be there before anything else is done
    dirs = choose(
        config.name, config.save_dir, config.logging_dir, config.resume, config.tensorboard
    )
    with contextlib.ExitStack() as held:
        folder = RunFolder(config, dirs, held)
        folder.changes(facts)
        yield folder
