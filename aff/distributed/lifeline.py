"""Ends every process of a distributed job when one of them ends badly.

mxnet's scheduler, servers and workers wait for one another without a limit, and only the scheduler
ever learns that one is gone. So each holds a TCP connection (a line) to the job's launcher for as
long as the job runs, and shows it that it knows the job's token. A line that breaks before its
process has said goodbye, one that stays silent, or a process that says what went wrong, ends the
job: the launcher tells all, and says why. Imports nothing of mxnet: servers and the scheduler never
come back from importing it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import time
from typing import Callable, Tuple

from ..utils.errors import RunError
from .wire import BEAT, PATIENCE, Wire, is_proof, proof

#: Seconds that processes may take to end by themselves after all workers have said goodbye.
FAREWELL = 60.0
#: Seconds for a launcher that is there to answer.
ANSWER = 30.0


def end_now(code: int) -> None:
    """End this process without waiting for any other."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()
    os._exit(code)


def exit_saying(reason: str) -> None:
    """Print why the job ends, if it has to be said here, and end this process without waiting for
    any other.
    """
    if reason:
        with contextlib.suppress(OSError):
            print(f"the job ends: {reason}", file=sys.stderr)
    end_now(1)


def farewell() -> None:
    """End this process in a while, if mxnet has not done so by then."""
    timer = threading.Timer(FAREWELL, os._exit, (0,))
    timer.daemon = True
    timer.start()


class Line:
    """A process's side of its line to the launcher.

    Parameters
    ----------
    role, name : str
        What the process is in the job, and what people read of it.
    address : tuple
        Where the launcher listens.
    token : str
        The job's.
    end : callable, optional
        Is called when the job ends badly, with the reason where the launcher cannot say it.
    patience : float, optional
        Seconds that the launcher may be silent for.
    leave : callable, optional
        Is called when the job has ended well.
    answer : float, optional
        Seconds to try for the launcher.

    Raises
    ------
    RunError
        Where no launcher that knows the token answers.
    """

    def __init__(
        self,
        role: str,
        name: str,
        address: Tuple[str, int],
        token: str,
        end: Callable[[str], None] = exit_saying,
        patience: float = PATIENCE,
        leave: Callable[[], None] = farewell,
        answer: float = ANSWER,
    ):
        self.role, self.name = role, name
        self.over = self.left = False
        self._address, self._token = address, token
        self._end, self._leave = end, leave
        self._patience, self._beat = patience, min(BEAT, patience / 4)
        self._heard = threading.Event()
        self._wire = self._join(answer)
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._stay_in_touch, daemon=True).start()

    @property
    def host(self) -> str:
        """This machine's address, as the launcher reaches it."""
        return self._wire.connection.getsockname()[0]

    def _join(self, answer: float) -> Wire:
        until = time.monotonic() + answer
        problem = "it does not answer"
        while time.monotonic() < until:
            try:
                wire = Wire(socket.create_connection(self._address, timeout=answer))
                if self._introduced(wire):
                    wire.connection.settimeout(self._beat)
                    return wire
                problem = "what listens there is not this job's launcher"
                wire.close()
            except ConnectionRefusedError as error:  # it listened before it started this process
                problem, until = str(error), 0.0
            except OSError as error:
                problem = str(error)
            time.sleep(0.2)
        host, port = self._address
        raise RunError(f"this process cannot join its job: launcher at {host}:{port}: {problem}")

    def _introduced(self, wire: Wire) -> bool:
        hello = wire.next_message()
        if hello is None or hello[0] != "hello":
            return False
        challenge = secrets.token_hex(16)
        shown = proof(self._token, self.role, hello[1])
        wire.say("join", f"{shown} {challenge} {self.role} {self.name}")
        welcome = wire.next_message()
        return welcome is not None and is_proof(welcome[1], self._token, "launcher", challenge)

    def _listen(self) -> None:
        silent, reason = 0.0, f"the launcher has not been heard of for {self._patience:.0f} s"
        while silent < self._patience:
            try:
                message = self._wire.next_message()
            except TimeoutError:
                silent += self._beat  # however long this process was stopped
                continue
            silent = 0.0
            if message is None:
                reason = "the launcher has ended"
                break
            if message[0] == "end":
                reason = ""
                break
            if message[0] == "heard":
                self._heard.set()
            elif message[0] == "over":
                self.over = True
                self._leave()
        self._heard.set()
        if not self.over:
            self.over = True
            self._end(reason)

    def _stay_in_touch(self) -> None:
        while not self.over:
            time.sleep(self._beat)
            self._wire.say("beat")

    def meet(self) -> None:
        """Say that this worker is about to wait for the others in mxnet's kvstore."""
        self._wire.say("meet")

    def met(self, name: str) -> None:
        """Say that the others have been found; be called this from now on."""
        self.name = name
        self._wire.say("name", name)
        self._wire.say("met")

    def failed(self, reason: str) -> None:
        """Say what went wrong: the job ends."""
        if not self.over and not self.left:
            self.over = True
            self._wire.say("failed", reason)
            self._heard.wait(ANSWER)

    def goodbye(self) -> None:
        """Say that this worker has done its part; the job may still end badly."""
        self.left = True
        self._wire.say("goodbye")
        self._heard.wait(ANSWER)
