"""This process's part in a distributed job: its line to the launcher (:mod:`.lifeline`), from
before mxnet is imported to the process's end. Only the commands ask for it.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
from typing import List

from .. import compat
from ..utils.errors import InputError
from .lifeline import Line, end_now

#: This process's line, where it is part of a job.
held: List[Line] = []


def join_job() -> None:
    """Hold a line to the launcher of the job that this process is part of, if it is part of one.
    It has to be done before mxnet is imported, from where servers never come back.

    Raises
    ------
    InputError
        For a job that says not all that it needs.
    RunError
        Where its launcher cannot be reached.
    """
    told = compat.job()
    if not told or "mxnet" in sys.modules:
        return
    role = told["ROLE"]
    try:
        host, _, port = told["ADDRESS"].rpartition(":")
        address, token, patience = (host, int(port)), told["TOKEN"], float(told["PATIENCE"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"DMLC_ROLE is set to {role!r}, but not all that a distributed job needs "
            f"({error}): start jobs by 'aff launch'"
        ) from error
    line = Line(role, f"a {role} {where()}", address, token, patience=patience)
    compat.set_node_host(line.host)
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
