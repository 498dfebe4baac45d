"""The machines of a job, and what starts a process on one of them: by ssh, or by mpirun."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
from typing import List, Mapping, NamedTuple, Optional, Sequence

from ..utils.errors import InputError
from ..utils.opening import read_text
from ..utils.report import printable

LOOPBACK = "127.0.0.1"
#: A line of a file of machines; ssh would take one that begins with a dash for an option.
LINE = re.compile(
    r"(?P<name>(?:\w[\w.-]*@)?\w[\w.-]*)(?::(?P<port>\d{1,5}))?(?:\s+\w+=\w+)*", re.ASCII
)
LONGEST_FILE = 1 << 20
#: Reached by nothing; the route to it is the one to the outside.
OUTSIDE = "10.255.255.255"


class Host(NamedTuple):
    """A machine, as ssh is to reach it."""

    name: str
    port: Optional[str] = None


def read_hosts(path: str) -> List[Host]:
    """Read a file of machines: ``HOST``, ``USER@HOST`` or ``HOST:PORT`` a line; what follows a
    ``#``, and MPI's ``slots=4``, is left out.

    Raises
    ------
    InputError
        For a file that cannot be read, is empty, or has a line of another kind.
    """
    try:
        lines = read_text(path, LONGEST_FILE, "replace").splitlines()
    except InputError as error:
        raise InputError(f"{{hostfile}} {error.message}") from error
    hosts = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = LINE.fullmatch(text)
        if not match:
            raise InputError(
                f"{{hostfile}} {path}, line {number}: takes HOST, USER@HOST or HOST:PORT, got "
                f"{printable(text, 60)!r}"
            )
        hosts.append(Host(match["name"], match["port"]))
    if not hosts:
        raise InputError(f"{{hostfile}} {path}: names no machine; it takes one a line")
    return hosts


def address_towards(hosts: Sequence[Host]) -> str:
    """Return the address of this machine that the others can reach: loopback where all are itself.

    Raises
    ------
    InputError
        Where it has none.
    """
    found = LOOPBACK
    for name in dict.fromkeys(host.name.rpartition("@")[2] for host in hosts):
        for target in (name, OUTSIDE):  # a name may be known to ssh alone
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.connect((target, 9))
                    found = probe.getsockname()[0]
                break
            except OSError:
                continue
        else:
            raise InputError(
                "this machine has no address on a network: name the one that the others reach by "
                "{address}"
            )
        if not found.startswith("127."):
            return found
    return LOOPBACK


def ssh_command(host: Host) -> List[str]:
    """Return how ssh is called: it asks nothing, takes no option from the machine's name, checks
    host keys as its user has configured, and is told by standard input what to run.
    """
    port = ["-p", host.port] if host.port else []
    return ["ssh", "-T", "-o", "BatchMode=yes", *port, "--", host.name, "exec sh -s"]


def script(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> bytes:
    """Return what a shell on another machine is to do."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines += [f"cd -- {shlex.quote(folder)} || exit", f"exec {shlex.join(command)} </dev/null"]
    return os.fsencode("".join(f"{line}\n" for line in lines))


def mpi_command(
    command: Sequence[str], processes: int, hostfile: str, names: Sequence[str]
) -> List[str]:
    """Return how mpirun, Open MPI's or another, is called to start processes that are given
    variables of its own environment, by their names.

    Raises
    ------
    InputError
        Where there is no mpirun.
    """
    try:
        version = subprocess.run(
            ["mpirun", "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).stdout
    except OSError as error:
        raise InputError(f"{{launcher}} mpi: mpirun: {error.strerror}") from error
    told = [word for name in names for word in ("-x", name)]
    if b"Open MPI" not in version:
        told = ["-genvlist", ",".join(names)]
    hosts = ["--hostfile", os.path.abspath(hostfile)]
    return ["mpirun", "-n", str(processes), *hosts, *told, *command]
