"""Where a run's files go: which folders, and that no other run is overwritten."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import socket
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional

from ..utils.errors import InputError
from ..utils.files import exclusive_file, read_json
from .checkpoint import BEST, newest_checkpoint
from .config import TrainConfig
from .logger import JSON_LOG, SETTINGS
from .settings_file import changes

LOCK = ".lock"


@dataclass(frozen=True)
class RunDirs:
    """Folders of a run, and the checkpoint it goes on from.

    Parameters
    ----------
    save_dir, log_dir : str
        For parameters and checkpoints; for logs and the history plot.
    checkpoint : str or None
        Where the run goes on from.
    fresh : bool
        Whether the folders were chosen because they did not exist.
    """

    save_dir: str
    log_dir: str
    checkpoint: Optional[str] = None
    fresh: bool = False


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
        return _same(RunDirs(folder, log_dir or _logs(folder), checkpoint))
    if not save_dir:
        taken = _taken("params", name)
        if not (resume and taken):
            number = max([*taken, *_taken("logs", name)], default=0) + 1
            save_dir = _numbered(name, number)
            return _new(RunDirs(save_dir, log_dir or _logs(save_dir), fresh=True))
        save_dir = _numbered(name, max(taken))
    checkpoint = newest_checkpoint(save_dir) if resume else None
    dirs = RunDirs(save_dir, log_dir or _logs(save_dir), checkpoint)
    if checkpoint:
        return _same(dirs)
    if os.path.exists(os.path.join(save_dir, BEST)) or (
        not resume and os.path.exists(os.path.join(save_dir, SETTINGS))
    ):
        raise InputError(
            f"{{save_dir}} {save_dir} holds a run already: "
            + (
                "it has no checkpoint to go on from; name another folder"
                if resume
                else "go on with it by {resume} auto, or name another folder"
            )
        )
    return dirs if resume else _new(dirs)


def _new(dirs: RunDirs) -> RunDirs:
    """Return the folders of a new run, checked not to hold another's log."""
    if os.path.exists(os.path.join(dirs.log_dir, JSON_LOG)):
        raise InputError(
            f"{{logging_dir}} {dirs.log_dir} holds the log of another run: name another folder"
        )
    return dirs


def _same(dirs: RunDirs) -> RunDirs:
    """Return the folders of a run to go on with, its log's checked not to be another run's."""
    kept = os.path.join(dirs.log_dir, SETTINGS)
    name = read_json(kept).get("save_dir") if os.path.exists(kept) else None
    other = os.path.normpath(os.path.join(dirs.log_dir, name)) if isinstance(name, str) else ""
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


def _logs(save_dir: str) -> str:
    return os.path.join("logs", os.path.basename(os.path.abspath(save_dir)))


def create(dirs: RunDirs) -> None:
    """Create the folders.

    Raises
    ------
    InputError
        Where they cannot be created or written.
    """
    created = []
    try:
        for path in (dirs.save_dir, dirs.log_dir):
            if dirs.fresh and os.path.isdir(path) and path == dirs.save_dir:
                raise InputError(
                    f"{path}: another run has just taken it: start again, or name a {{save_dir}}"
                )
            if not os.path.isdir(path):
                os.makedirs(path)
                created.append(path)
            if not os.access(path, os.W_OK):
                raise InputError(f"{path}: cannot be written to")
    except OSError as error:
        _remove(created)
        raise InputError(f"{error.filename}: cannot be created: {error.strerror}") from error
    except InputError:
        _remove(created)
        raise


class RunFolder:
    """The folders of a run, held as far as they are there.

    Parameters
    ----------
    dirs : RunDirs
        As they were chosen.
    changes : list of str
        What differs from the settings that the run was trained with so far.
    held : ExitStack
        Lets go of them when it is closed.
    """

    def __init__(self, dirs: RunDirs, changes: List[str], held: contextlib.ExitStack):
        self.save_dir, self.log_dir, self.checkpoint = dirs.save_dir, dirs.log_dir, dirs.checkpoint
        self.changes = changes
        self._dirs, self._held = dirs, held

    @property
    def relative(self) -> str:
        """The way from a run's logs to its parameters, which stays when both are moved."""
        return os.path.relpath(self.save_dir, self.log_dir)

    def create(self) -> None:
        """Create and hold the folders of a new run; those of another are there and held."""
        if not self.checkpoint:
            create(self._dirs)
            hold(self._dirs, self._held)


@contextlib.contextmanager
def open_folder(config: TrainConfig, facts: Dict[str, Any]) -> Iterator[RunFolder]:
    """Choose a run's folders, hold them where they are there, and let go of them at the end.

    Parameters
    ----------
    config : TrainConfig
        The run's settings.
    facts : dict
        What ``settings.json`` keeps of its data and devices.

    Raises
    ------
    InputError
        For folders that hold another run, or that another process holds, and for settings that mean
        another run than the one in the folder.
    """
    dirs = choose(config.name, config.save_dir, config.logging_dir, config.resume)
    with contextlib.ExitStack() as held:
        changed: List[str] = []
        if dirs.checkpoint:
            hold(dirs, held)
            changed = changes(config, facts, dirs.save_dir)
        yield RunFolder(dirs, changed, held)


def hold(dirs: RunDirs, held: contextlib.ExitStack) -> None:
    """Hold those folders of a run that there are until `held` is closed."""
    folders = {os.path.realpath(folder): folder for folder in (dirs.log_dir, dirs.save_dir)}
    for path in sorted(folders):
        if os.path.isdir(path):
            held.enter_context(locked(folders[path]))


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold a run's folder, so that no other process writes to it; a process's end lets go of it.

    Raises
    ------
    InputError
        Where another process holds it.
    """

    def refuse(file) -> None:
        file.seek(0)
        holder = file.read(100).decode(errors="replace").strip() or "another process"
        raise InputError(
            f"{folder}: {holder} is training there: wait for its end, or name another {{save_dir}}"
        )

    with exclusive_file(os.path.join(folder, LOCK), refuse) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _remove(folders: List[str]) -> None:
    for path in reversed(folders):
        os.removedirs(path)
