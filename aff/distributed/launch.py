"""Starts the processes of a distributed job, waits for its end, and leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import (
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    NoReturn,
    Optional,
    Sequence,
)

from ..compat import environment_of_share
from ..utils.errors import InputError, RunError
from .hosts import LOOPBACK, Host, address_towards, mpi_command, script, ssh_command
from .hub import Hub
from .lifeline import FAREWELL
from .wire import PATIENCE, new_token

LAUNCHERS = ("local", "ssh", "mpi")
#: The user's variables that processes on other machines are given, where they are set.
FORWARDED = ("KMP_AFFINITY", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "PYTHONPATH")
#: Seconds that processes have to end by themselves, and then after a signal.
GRACE = 10.0
#: Seconds in which a process that fails has said why, over its line.
WHY = 3.0


class Start(NamedTuple):
    """A process to start here."""

    name: str
    command: List[str]
    environment: Dict[str, str]
    text: bytes = b""


@dataclass(frozen=True)
class Plan:
    """A job.

    Parameters
    ----------
    command : sequence of str
        What each process runs.
    launcher : str
        One of `LAUNCHERS`.
    workers, servers : int
        How many there are.
    hosts, hostfile : sequence of Host, str
        The machines, for ssh, and their file, for mpi.
    address : str, optional
        This machine's, as the others reach it.
    forwarded : sequence of str
        Further variables for processes on other machines.
    patience : float
        Seconds for all to join, and that one may be silent for later.
    """

    command: Sequence[str]
    launcher: str
    workers: int
    servers: int
    hosts: Sequence[Host] = ()
    hostfile: str = ""
    address: Optional[str] = None
    forwarded: Sequence[str] = ()
    patience: float = PATIENCE

    def host(self) -> str:
        """Return the address that the job's launcher and scheduler listen at."""
        if self.launcher == "local":
            return LOOPBACK
        return socket.gethostbyname(self.address) if self.address else address_towards(self.hosts)

    def starts(self, told: Dict[str, str]) -> List[Start]:
        """Return the processes to start here.

        Parameters
        ----------
        told : dict
            Variables that all processes of the job are given.
        """
        local = self.launcher == "local"
        here = {**environment_of_share(self.workers if local else None), **told}
        command = list(self.command)
        starts = [Start("the scheduler", command, {**here, "DMLC_ROLE": "scheduler"})]
        names = [name for name in (*FORWARDED, *self.forwarded) if name in here]
        roles = {"server": self.servers, "worker": self.workers}
        if self.launcher == "mpi":
            for role, count in roles.items():
                mpirun = mpi_command(command, count, self.hostfile, [*told, "DMLC_ROLE", *names])
                starts.append(Start(f"the {role}s", mpirun, {**here, "DMLC_ROLE": role}))
            return starts
        there = {**told, **{name: here[name] for name in names}}
        each = [(role, number) for role, count in roles.items() for number in range(count)]
        for place, (role, number) in enumerate(each):
            if local:
                starts.append(Start(f"{role} {number}", command, {**here, "DMLC_ROLE": role}))
                continue
            host = self.hosts[place % len(self.hosts)]
            text = script(command, os.getcwd(), {**there, "DMLC_ROLE": role})
            environment = environment_of_share(None)
            name = f"ssh to {host.name}, for {role} {number},"
            starts.append(Start(name, ssh_command(host), environment, text))
        return starts


def submit(plan: Plan) -> int:
    """Run a job to its end; 0 where all its processes ended well.

    Raises
    ------
    InputError
        Where a process cannot be started.
    RunError
        Where the job ends badly, with the reason.
    """
    token = new_token()
    counts = {"scheduler": 1, "server": plan.servers, "worker": plan.workers}
    try:
        hub = Hub(plan.host(), counts, token, plan.patience)
    except (OSError, UnicodeError) as error:  # which a name's encoding raises
        raise InputError(f"{{address}} {plan.address}: cannot listen there: {error}") from error
    host, port = hub.address
    told = {
        "DMLC_PS_ROOT_URI": host,
        "DMLC_PS_ROOT_PORT": str(_free_port(host)),
        "DMLC_NUM_WORKER": str(plan.workers),
        "DMLC_NUM_SERVER": str(plan.servers),
        "AFF_JOB_ADDRESS": f"{host}:{port}",
        "AFF_JOB_TOKEN": token,
        "AFF_JOB_PATIENCE": str(plan.patience),
    }
    running: Dict[str, subprocess.Popen] = {}
    with _raising_signals():
        try:
            for start in plan.starts(told):
                running[start.name] = _begin(start)
            _wait(running, hub)
        except (KeyboardInterrupt, SystemExit):
            print("ending the processes of the job", file=sys.stderr)
            raise
        finally:
            hub.end("the launcher has been interrupted")
            _end_all(running.values())
    return 0


@contextlib.contextmanager
def _raising_signals() -> Iterator[None]:
    """Have the signals that would end this process without a word raise, as Ctrl-C does."""

    def leave(number: int, _: object) -> NoReturn:
        raise SystemExit(128 + number)

    heeded = (signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in heeded if signal.getsignal(number) == signal.SIG_DFL]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        return server.getsockname()[1]


def _begin(start: Start) -> subprocess.Popen:
    with tempfile.TemporaryFile() as given:
        given.write(start.text)
        given.seek(0)
        try:
            return subprocess.Popen(start.command, env=start.environment, stdin=given)
        except OSError as error:
            raise InputError(f"{start.command[0]}: cannot be run: {error.strerror}") from error


def _wait(running: Dict[str, subprocess.Popen], hub: Hub) -> None:
    """Wait for the processes of a job; those that have ended are taken out."""
    over_since = None
    while running and not hub.reason:
        for name, process in list(running.items()):
            code = process.poll()
            if code is not None:
                del running[name]
            if code:
                hub.ended.wait(WHY)
                how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
                hub.end(f"{name} has ended with {how}")
                if hub.over:
                    raise RunError(f"all was done, but {name} has ended with {how}")
        if hub.over:
            over_since = over_since or time.monotonic()
            if time.monotonic() - over_since > FAREWELL + GRACE:
                print(f"all was done, but not ended: {', '.join(running)}", file=sys.stderr)
                return
        time.sleep(0.1)
    if hub.reason:
        raise RunError(f"the job ends: {hub.reason}")


def _end_all(processes: Iterable[subprocess.Popen]) -> None:
    """Have no process left: they have been told to end, then they are made to, at once where a
    signal comes meanwhile.
    """
    processes = list(processes)
    try:
        _await(processes, GRACE)
        _each_left(processes, subprocess.Popen.terminate)
        _await(processes, GRACE / 2)
    finally:
        _each_left(processes, subprocess.Popen.kill)
        _await(processes, GRACE / 2)


def _each_left(
    processes: Iterable[subprocess.Popen], end: Callable[[subprocess.Popen], None]
) -> None:
    for process in processes:
        if process.poll() is None:
            end(process)


def _await(processes: Iterable[subprocess.Popen], seconds: float) -> None:
    until = time.monotonic() + seconds
    while any(process.poll() is None for process in processes) and time.monotonic() < until:
        time.sleep(0.05)
