"""Ends every process of a distributed job when one of them ends badly.

mxnet's scheduler, servers and workers wait for one another without a limit, and only the scheduler
ever learns that one is gone. So each server and worker holds a TCP connection (a line) to the
scheduler's process for as long as the job runs. A line that breaks before its process has said
goodbye, or a process that says what went wrong, ends the job: the scheduler tells all, and each
prints the reason and exits. Imports nothing of mxnet: servers never come back from importing it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from typing import Callable, Dict, Iterator, List, Optional

#: Added to the scheduler's port (mxnet's launcher picks one from 9091 on) for the lines'.
PORT_OFFSET = 10000
PATIENCE = 300.0
LONGEST_MESSAGE = 4096
#: Seconds that processes may take to end by themselves after all workers have said goodbye.
FAREWELL = 60.0


def line_port(scheduler_port: int) -> int:
    """Return the port of the lines for a scheduler's port."""
    port = scheduler_port + PORT_OFFSET
    return port if port < 65536 else scheduler_port - PORT_OFFSET


def end_now(code: int) -> None:
    """End this process without waiting for any other."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def exit_saying(reason: str) -> None:
    """Print why the job ends, and end this process without waiting for any other."""
    print(f"the job ends: {reason}", file=sys.stderr)
    end_now(1)


def farewell() -> None:
    """End this process in a while, if mxnet has not done so by then."""
    timer = threading.Timer(FAREWELL, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _messages(connection: socket.socket) -> Iterator[dict]:
    """Yield what the other side says, a JSON object a line, until it says something else."""
    with connection.makefile("r", encoding="utf-8", errors="replace") as file:
        while True:
            try:
                message = json.loads(file.readline(LONGEST_MESSAGE))
            except (OSError, ValueError):
                return
            if not isinstance(message, dict):
                return
            yield message


def _say(connection: socket.socket, **message: object) -> None:
    with contextlib.suppress(OSError):
        connection.sendall((json.dumps(message) + "\n").encode())


class Hub:
    """The scheduler's side of all lines.

    Parameters
    ----------
    host, port : str, int
        Where it listens.
    workers : int
        How many workers the job has: when all have said goodbye, the job has ended well.
    end : callable
        Is given the reason when the job ends badly.
    leave : callable
        Is called when the job has ended well.
    """

    def __init__(
        self,
        host: str,
        port: int,
        workers: int,
        end: Callable[[str], None] = exit_saying,
        leave: Callable[[], None] = farewell,
    ):
        self.workers = workers
        self._end, self._leave = end, leave
        self._lines: Dict[socket.socket, str] = {}
        self._farewells = 0
        self._lock = threading.Lock()
        self.over = False
        self._server = socket.create_server((host, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._server.accept()
            keep_alive(connection)
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        said_goodbye = False
        for message in _messages(connection):
            if "name" in message:
                with self._lock:
                    self._lines[connection] = str(message["name"])
            elif connection not in self._lines:
                break
            elif "failed" in message:
                self.end(f"{self._lines[connection]}: {message['failed']}")
            elif "goodbye" in message:
                said_goodbye = True
                self._goodbye()
        name = self._lines.pop(connection, None)
        if name and not said_goodbye:
            self.end(f"{name} has died")
        connection.close()

    def _goodbye(self) -> None:
        with self._lock:
            self._farewells += 1
            if self._farewells < self.workers:
                return
            self.over = True
            lines = list(self._lines)
        for line in lines:
            _say(line, over=True)
        self._leave()

    def end(self, reason: str) -> None:
        """End the job, once."""
        with self._lock:
            if self.over:
                return
            self.over = True
            lines: List[socket.socket] = list(self._lines)
        for line in lines:
            _say(line, end=reason)
        self._end(reason)


class Line:
    """A server's or worker's side of its line to the scheduler.

    Parameters
    ----------
    name : str
        What the others call this process.
    host, port : str, int
        Where the scheduler listens.
    end : callable
        Is given the reason when the job ends badly.
    patience : float
        Seconds to wait for the scheduler.
    leave : callable
        Is called when the job has ended well.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        end: Callable[[str], None] = exit_saying,
        patience: float = PATIENCE,
        leave: Callable[[], None] = farewell,
    ):
        self.name = name
        self.over = self.left = False
        self._address = (host, port)
        self._end, self._leave = end, leave
        self._patience = patience
        self._connection: Optional[socket.socket] = None
        self._connected = threading.Event()
        threading.Thread(target=self._hold, daemon=True).start()

    def _connect(self) -> Optional[socket.socket]:
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            try:
                connection = socket.create_connection(self._address, timeout=5)
                connection.settimeout(None)
                return connection
            except OSError:
                time.sleep(0.2)
        return None

    def _hold(self) -> None:
        self._connection = self._connect()
        if self._connection is None:
            host, port = self._address
            self._connected.set()
            self._end(f"no scheduler at {host}:{port} within {self._patience:.0f} s")
            return
        keep_alive(self._connection)
        _say(self._connection, name=self.name)
        self._connected.set()
        reason = "the scheduler has died"
        for message in _messages(self._connection):
            if "over" in message:
                self.over = True
                self._leave()
            if "end" in message:
                reason = str(message["end"])
                break
        if not self.over:
            self.over = True
            self._end(reason)

    def _tell(self, **message: object) -> None:
        self._connected.wait(self._patience)
        if self._connection:
            _say(self._connection, **message)

    def rename(self, name: str) -> None:
        """Be called this from now on."""
        self.name = name
        self._tell(name=name)

    def failed(self, reason: str) -> None:
        """Say what went wrong: the job ends."""
        if not self.over and not self.left:
            self.over = True
            self._tell(failed=reason)

    def goodbye(self) -> None:
        """Say that this worker has done its part; the job may still end badly."""
        self.left = True
        self._tell(goodbye=True)


def keep_alive(connection: socket.socket) -> None:
    """Have the system notice within a minute that the other machine is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
