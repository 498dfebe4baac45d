"""This process's part in a distributed job: its line to the others (:mod:`aff.lifeline`), from
before mxnet is imported to the process's end.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from typing import List

from .lifeline import Hub, Line, end_now, line_port

#: This process's line, where it is a server or worker of a job.
held: List[Line] = []


def _watch(launcher: int, hub: Hub) -> None:
    """End the job when the launcher that has started this process is gone."""
    while os.getppid() == launcher:
        time.sleep(1)
    hub.end("the launcher has ended")


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
    """At the end of a worker that has not taken its leave: mxnet would wait for the others."""
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
    """What tells this process from the others of its job."""
    return f"({socket.gethostname()}, process {os.getpid()})"
