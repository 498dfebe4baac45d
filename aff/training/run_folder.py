"""Where a run's files go: which folders, and that no other run is overwritten."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional

from ..utils.errors import InputError
from ..utils.files import folder_for_files, open_in_place
from ..utils.lock import locked
from .checkpoint import newest_checkpoint, parameters_of
from .config import TrainConfig
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
    """

    save_dir: str
    log_dir: str
    checkpoint: Optional[str] = None


def choose(
    name: str, save_dir: Optional[str], log_dir: Optional[str], resume: Optional[str]
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
        return _same(RunDirs(folder, log_dir or usual_logs(folder), checkpoint))
    if not save_dir:
        taken = _taken("params", name)
        if not (resume and taken):
            number = max([*taken, *_taken("logs", name)], default=0) + 1
            save_dir = _numbered(name, number)
            return _new(RunDirs(save_dir, log_dir or usual_logs(save_dir)))
        save_dir = _numbered(name, max(taken))
    checkpoint = newest_checkpoint(save_dir) if resume else None
    dirs = RunDirs(save_dir, log_dir or usual_logs(save_dir), checkpoint)
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
    for name in (JSON_LOG, HISTORY_PLOT, SETTINGS):
        if os.path.lexists(os.path.join(dirs.log_dir, name)):
            raise InputError(
                f"{{logging_dir}} {dirs.log_dir} holds the log of another run ({name}): name "
                "another folder"
            )
    return dirs


def _same(dirs: RunDirs) -> RunDirs:
    """Return the folders of a run to go on with, its log's checked not to be another run's."""
    kept = os.path.join(dirs.log_dir, SETTINGS)
    name = read_settings(dirs.log_dir).save_dir if os.path.exists(kept) else None
    other = os.path.normpath(os.path.join(dirs.log_dir, name)) if name else ""
    theirs, ours = os.path.join(other, SETTINGS), os.path.join(dirs.save_dir, SETTINGS)
    both = bool(name) and os.path.exists(theirs) and os.path.exists(ours)
    if both and not os.path.samefile(theirs, ours):
        raise InputError(
            f"{{logging_dir}} {dirs.log_dir} holds the log of the run in {other}: name another "
            "folder"
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
        self._config, self._held = config, held
        if self.checkpoint:
            self._hold(held)

    @property
    def relative(self) -> str:
        """The way from a run's logs to its parameters, which stays when both are moved."""
        return os.path.relpath(self.save_dir, self.log_dir)

    def changes(self, facts: Mapping[str, Any]) -> List[str]:
        """Return what differs from the settings and data that the run was trained with so far.

        Raises
        ------
        InputError
            For what means another run than the one in the folder.
        """
        return changes(self._config, facts, self.save_dir) if self.checkpoint else []

    def create(self) -> None:
        """Create and hold the folders of a new run; those of another are there and held.

        Raises
        ------
        InputError
            Where they cannot be created or written to, or another run was faster.
        """
        if not self.checkpoint:
            with contextlib.ExitStack() as made, contextlib.ExitStack() as held:
                for path in (self.save_dir, self.log_dir):
                    made.enter_context(folder_for_files(path))
                self._hold(held)
                self._held.push(held.pop_all())

    def _hold(self, held: contextlib.ExitStack) -> None:
        """Hold the folders until `held` is closed, and look again what is in them: they were chosen
        when other processes could still write there.
        """
        fields = ((self.log_dir, "{logging_dir}"), (self.save_dir, "{save_dir}"))
        folders = {os.path.realpath(folder): (folder, field) for folder, field in fields}
        for path, (folder, field) in reversed(folders.items()):
            while not self.checkpoint or os.path.isdir(path):
                try:
                    held.enter_context(locked(folder, field))
                    break
                except FileNotFoundError:  # removed by a run that was refused here
                    os.makedirs(folder, exist_ok=True)
        found = choose(self._config.name, self.save_dir, self.log_dir, self._config.resume)
        if bool(found.checkpoint) != bool(self.checkpoint):
            raise InputError(f"{self.save_dir}: another run has just been there: start again")
        self.checkpoint = found.checkpoint
        for name in (JSON_LOG, TEXT_LOG):
            path = os.path.join(self.log_dir, name)
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
    dirs = choose(config.name, config.save_dir, config.logging_dir, config.resume)
    with contextlib.ExitStack() as held:
        folder = RunFolder(config, dirs, held)
        folder.changes(facts)
        yield folder
