"""``aff launch``: start a distributed job by mxnet's launcher."""

from __future__ import annotations

import argparse
import functools
import os
import random
import shlex
import sys
import threading
from typing import List, Optional, Sequence

from ..compat import prepare_launch
from ..utils.errors import InputError
from .common.arguments import Parser, guarded, named, whole

LAUNCHERS = ("local", "ssh", "mpi", "sge")


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Start a distributed job by mxnet's launcher: a scheduler, servers that sum "
        "gradients, and workers that each run COMMAND on their own part of the data. The job ends "
        "when one of them does.",
        epilog=f"example: {prog} -n 2 -H hosts python train_imagenet.py --kvstore dist_sync ...",
    )
    parser.add_argument(
        "-n", "--num-workers", type=whole(1, 1024), required=True, help="number of workers"
    )
    parser.add_argument(
        "-s",
        "--num-servers",
        type=whole(1, 1024),
        default=None,
        help="number of servers (default: as many as workers)",
    )
    parser.add_argument(
        "-H",
        "--hostfile",
        type=named,
        default=None,
        help="file of the machines' names, one a line, for ssh (without a password) and mpi; "
        "workers and servers go round them. Without it all run on this machine",
    )
    parser.add_argument(
        "--launcher", choices=LAUNCHERS, default=None, help="default: ssh with -H, else local"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what each worker runs")
    return parser


def dmlc_arguments(options: argparse.Namespace, launcher: str) -> List[str]:
    """The job as mxnet's launcher takes it.

    Raises
    ------
    InputError
        For a command, machines or a launcher that are missing or do not go together.
    """
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise InputError("name the COMMAND that each worker runs, after the flags")
    if launcher in ("ssh", "mpi") and not options.hostfile:
        raise InputError(f"--launcher {launcher} needs -H FILE, the machines' names")
    if launcher == "local" and options.hostfile:
        raise InputError("--launcher local runs on this machine only: leave -H out")
    if options.hostfile and not os.path.isfile(options.hostfile):
        raise InputError(f"-H {options.hostfile}: no such file")
    servers = options.num_servers or options.num_workers
    hosts = ["--host-file", options.hostfile] if options.hostfile else []
    return [
        *("--num-workers", str(options.num_workers), "--num-servers", str(servers)),
        *("--cluster", launcher, *hosts),
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


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    launcher = options.launcher or ("ssh" if options.hostfile else "local")
    return submit(dmlc_arguments(options, launcher), launcher, options.num_workers)


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff launch") -> int:
    """Run the command; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
