"""``aff launch``: start a distributed job."""

from __future__ import annotations

import argparse
import os
import re
from typing import List, Optional

from ..distributed.hosts import read_hosts
from ..distributed.launch import FORWARDED, LAUNCHERS, Plan, submit
from ..distributed.wire import PATIENCE
from ..utils.errors import InputError
from ..utils.values import float_range, int_range, nonempty
from .common.parser import Parser

GROUP, HELP = "train", "start a training script in several processes or on several machines"
DESCRIPTION = (
    "Start a distributed job: a scheduler, servers that sum "
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
    parser.add_argument(
        "--address",
        type=nonempty,
        default=None,
        help="this machine's address as the others reach it (default: found)",
    )
    parser.add_argument(
        "--env",
        type=variable,
        metavar="NAME",
        action="append",
        default=[],
        help="environment variable that processes on other machines are given too, besides "
        f"{', '.join(FORWARDED)}; may be given again",
    )
    parser.add_argument(
        "--patience",
        type=float_range(1, 86400),
        default=PATIENCE,
        help="seconds that all processes have to join the job, and that one may be silent for "
        "(stopped, or its machine gone) before the job ends",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what each worker runs")


def variable(text: str) -> str:
    """Return a kind: the name of an environment variable."""
    if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII):
        raise InputError(f"takes the name of an environment variable, got {text!r}")
    return text


def run(
    command: List[str],
    num_workers: int,
    num_servers: Optional[int],
    hostfile: Optional[str],
    launcher: Optional[str],
    address: Optional[str],
    env: List[str],
    patience: float,
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
    if launcher == "local" and address:
        raise InputError("{launcher} local runs on this machine only: leave {address} out")
    if hostfile and not os.path.isfile(hostfile):
        raise InputError(f"-H {hostfile}: no such file")
    hosts = read_hosts(hostfile) if hostfile else []
    return submit(
        Plan(
            *(command, launcher, num_workers, num_servers or num_workers, hosts, hostfile or ""),
            *(address, env, patience),
        )
    )
