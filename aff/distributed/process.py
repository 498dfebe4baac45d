"""This process's part in a distributed job: its line to the others (:mod:`.lifeline`), from before
mxnet is imported to the process's end. Only the commands ask for it.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
import time
from typing import List

from .. import compat
from ..utils.errors import InputError
from .lifeline import Hub, Line, end_now, line_port

#: This process's line, where it is a server or worker of a job.
held: List[Line] = []


def _watch(launcher: int, hub: Hub) -> None:
    """End the job when the launcher that has started this process is gone."""
    while os.getppid() == launcher:
        time.sleep(1)
    hub.end("the launcher has ended")


def join_job() -> None:
    """Hold a line to the other processes of the job that this process is part of, if it is part of
    one. It has to be done before mxnet is imported, from where servers never come back.

    Raises
    ------
    InputError
        For a job that says not all that it needs, or a port that is taken.
    """
    told = compat.job()
    if not told or "mxnet" in sys.modules:
        return
    try:
        port, workers = int(told["PS_ROOT_PORT"]), int(told["NUM_WORKER"])
        join(told["ROLE"], told["PS_ROOT_URI"], port, workers, int(told["LAUNCHER"]))
    except (KeyError, ValueError) as error:
        raise InputError(
            f"DMLC_ROLE is set to {told['ROLE']!r}, but not all that a distributed job needs "
            f"({error}): start jobs by 'aff launch'"
        ) from error
    except OSError as error:
        raise InputError(f"the scheduler cannot listen for its workers: {error}") from error


def join(role: str, host: str, port: int, workers: int, launcher: int = 0) -> None:
    """Take this process's part in a job's lines.

    Parameters
    ----------
    role : str
        ``'scheduler'``, ``'server'`` or ``'worker'``.
    host, port : str, int
        The scheduler's.
    workers : int
        How many workers the job has.
    launcher : int, optional
        Process that the job ends with, where it has started the scheduler.
    """
    if role == "scheduler":
        hub = Hub(host, line_port(port), workers)
        if os.getppid() == launcher:
            threading.Thread(target=_watch, args=(launcher, hub), daemon=True).start()
        return
    line = Line(f"a {role} {where()}", host, line_port(port))
    held.append(line)
    if role == "worker":
        atexit.register(_end_badly, line)


def _end_badly(line: Line) -> None:
    """End a worker that has not taken its leave: mxnet would wait for the others."""
    if not line.left:
        line.failed("has ended before its time; it has said why itself")
        end_now(1)


def finish(code: int, message: str = "") -> None:
    """Take leave of the job with a command's exit code; after a failure, end at once: mxnet would
    wait for the other workers.
    """
    for line in held:
        if code == 0:
            line.goodbye()
            continue
        line.failed(message)
        end_now(code)


def where() -> str:
    """Return what tells this process from the others of its job."""
    return f"({socket.gethostname()}, process {os.getpid()})"
