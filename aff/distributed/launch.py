"""Starts a distributed job by mxnet's launcher."""

from __future__ import annotations

import functools
import random
import shlex
import threading
from typing import List, Optional, Sequence

from ..compat import prepare_launch

LAUNCHERS = ("local", "ssh", "mpi", "sge")


def launcher_arguments(
    command: Sequence[str], launcher: str, workers: int, servers: int, hostfile: Optional[str]
) -> List[str]:
    """Return the job as mxnet's launcher takes it."""
    return [
        *("--num-workers", str(workers), "--num-servers", str(servers), "--cluster", launcher),
        *(["--host-file", hostfile] if hostfile else []),
        *map(shlex.quote, command),
    ]


def submit(arguments: List[str], launcher: str, workers: int) -> int:
    """Run the job to its end; 0 where all its processes ended well.

    mxnet's launcher asks its threads ``isAlive``, which Python 3.9 took away; lets a process's
    failure end a thread with a traceback, and itself with 0.
    """
    from dmlc_tracker import local, mpi, opts, sge, ssh, tracker

    failures = []

    def failed(failure: threading.ExceptHookArgs) -> None:
        failures.append(failure)

    threading.excepthook = failed
    threading.Thread.isAlive = threading.Thread.is_alive  # type: ignore[attr-defined]
    if launcher == "local":
        tracker.get_host_ip = lambda _: "127.0.0.1"
    prepare_launch(workers if launcher == "local" else None)
    # Its first free port is the same for all jobs that start at the same moment.
    first_port = random.SystemRandom().randrange(9091, 9900)
    tracker.PSTracker = functools.partial(tracker.PSTracker, port=first_port)
    module = {"local": local, "ssh": ssh, "mpi": mpi, "sge": sge}[launcher]
    module.submit(opts.get_opts(arguments))
    return 1 if failures else 0
