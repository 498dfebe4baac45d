"""``aff launch``: start a distributed job by mxnet's launcher."""

from __future__ import annotations

import argparse
import os
from typing import List, Optional

from ..distributed.launch import LAUNCHERS, launcher_arguments, submit
from ..utils.errors import InputError
from ..utils.values import int_range, nonempty
from .common.parser import Parser

GROUP, HELP = "train", "start a training script in several processes or on several machines"
DESCRIPTION = (
    "Start a distributed job by mxnet's launcher: a scheduler, servers that sum "
    "gradients, and workers that each run COMMAND on their own part of the data. The job ends "
    "when one of them does."
)
EPILOG = "example: aff launch -n 2 -H hosts python train_imagenet.py --kvstore dist_sync ..."


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "-n", "--num-workers", type=int_range(1, 1024), required=True, help="number of workers"
    )
    parser.add_argument(
        "-s",
        "--num-servers",
        type=int_range(1, 1024),
        default=None,
        help="number of servers (default: as many as workers)",
    )
    parser.add_argument(
        "-H",
        "--hostfile",
        type=nonempty,
        default=None,
        help="file of the machines' names, one a line, for ssh (without a password) and mpi; "
        "workers and servers go round them. Without it all run on this machine",
    )
    parser.add_argument(
        "--launcher", choices=LAUNCHERS, default=None, help="default: ssh with -H, else local"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what each worker runs")


def run(
    command: List[str],
    num_workers: int,
    num_servers: Optional[int],
    hostfile: Optional[str],
    launcher: Optional[str],
) -> int:
    """Start a job, and wait for its end."""
    launcher = launcher or ("ssh" if hostfile else "local")
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise InputError("name the COMMAND that each worker runs, after the flags")
    if launcher in ("ssh", "mpi") and not hostfile:
        raise InputError(f"{{launcher}} {launcher} needs -H FILE, the machines' names")
    if launcher == "local" and hostfile:
        raise InputError("{launcher} local runs on this machine only: leave -H out")
    if hostfile and not os.path.isfile(hostfile):
        raise InputError(f"-H {hostfile}: no such file")
    servers = num_servers or num_workers
    arguments = launcher_arguments(command, launcher, num_workers, servers, hostfile)
    return submit(arguments, launcher, num_workers)
