"""Where a run's files go: which folders, and that no other run is overwritten."""
from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Optional

from ..errors import InputError
from ..training.checkpoint import newest_checkpoint

SETTINGS = "settings.json"
_MOST = 10_000


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
        Whether `save_dir` was chosen because it did not exist.
    """

    save_dir: str
    log_dir: str
    checkpoint: Optional[str] = None
    fresh: bool = False


def choose(name: str, save_dir: Optional[str], log_dir: Optional[str], resume: Optional[str]) -> RunDirs:
    """Choose a run's folders; nothing is created yet.

    Parameters
    ----------
    name : str
        Of the run; without `save_dir` the run goes to ``params/<name>``, with a number behind where that is taken.
    save_dir, log_dir : str, optional
        As the user gave them; logs go to ``logs/<name of the save folder>`` by default.
    resume : str, optional
        ``'auto'``: the newest checkpoint of `save_dir` (or of the newest run of this name), or a new run where there
        is none; else a run's folder or one of its checkpoints.

    Raises
    ------
    InputError
        When `save_dir` holds another run, or there is nothing to resume in the folder named.
    """
    if resume and resume != "auto":
        checkpoint = newest_checkpoint(resume)
        if checkpoint is None:
            raise InputError(f"--resume {resume}: no checkpoint there")
        return _dirs(save_dir or os.path.dirname(checkpoint) or ".", log_dir, checkpoint)
    if save_dir:
        checkpoint = newest_checkpoint(save_dir) if resume else None
        if not resume and os.path.exists(os.path.join(save_dir, SETTINGS)):
            raise InputError(f"--save-dir {save_dir} holds a run already: go on with it by --resume auto, or name "
                             "another folder")
        return _dirs(save_dir, log_dir, checkpoint)
    free = next(path for path in _numbered(name) if not os.path.exists(path))
    if resume:
        taken = [path for path in _numbered(name, free) if newest_checkpoint(path)]
        if taken:
            return _dirs(taken[-1], log_dir, newest_checkpoint(taken[-1]))
    return replace(_dirs(free, log_dir, None), fresh=True)


def _numbered(name: str, end: Optional[str] = None):
    for number in range(1, _MOST):
        path = os.path.join("params", name if number == 1 else f"{name}-{number}")
        if path == end:
            return
        yield path


def _dirs(save_dir: str, log_dir: Optional[str], checkpoint: Optional[str]) -> RunDirs:
    base = os.path.basename(os.path.abspath(save_dir))
    return RunDirs(save_dir, log_dir or os.path.join("logs", base), checkpoint)


def create(dirs: RunDirs) -> None:
    """Create the folders.

    Raises
    ------
    InputError
        Where they cannot be created or written.
    """
    for path in (dirs.save_dir, dirs.log_dir):
        try:
            os.makedirs(path, exist_ok=not (dirs.fresh and path == dirs.save_dir))
        except FileExistsError:
            raise InputError(f"{path}: another run has just taken it: start again, or name a --save-dir") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be created: {error.strerror}") from error
        if not os.access(path, os.W_OK):
            raise InputError(f"{path}: cannot be written to")
