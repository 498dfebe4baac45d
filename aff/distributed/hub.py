"""The launcher's side of a job's lines (:mod:`.lifeline`): who has joined, who has not been heard
of, who is gone, and the one reason for which a job ends badly.
"""

from __future__ import annotations

import contextlib
import secrets
import selectors
import socket
import sys
import threading
import time
from typing import Callable, Dict, List, Mapping, Optional

from .wire import BEAT, PATIENCE, Wire, is_proof, proof

#: Seconds between two looks at who has been silent.
TICK = 1.0
#: Seconds after which a silent process is named; the job waits for it until its patience ends.
SILENCE = 30.0
#: Strangers that may be connected at once, and the seconds that each has to say who it is.
STRANGERS = 64
INTRODUCTION = 10.0


def say_aloud(text: str) -> None:
    """Print a line of what goes on, if somebody reads it."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


class Member:
    """The other end of a connection: a stranger until it has shown that it knows the token."""

    def __init__(self, connection: socket.socket, now: float):
        self.wire = Wire(connection)
        self.challenge = secrets.token_hex(16)
        self.role = self.name = ""
        self.heard = now
        self.meets = self.met = self.left = self.warned = False


class Hub:
    """Listens to all processes of a job, in a thread of its own.

    Parameters
    ----------
    host : str
        Address to listen at.
    expected : mapping
        How many processes of each role the job has.
    token : str
        What only they know.
    patience : float, optional
        Seconds for all to join, and that a process may be silent for later.
    tell : callable, optional
        Is given what people are to read while the job goes on.

    Attributes
    ----------
    address : tuple
        Where it listens.
    reason : str or None
        Why the job ends badly, once it does.
    ended : Event
        Set with the reason.
    over : bool
        Whether all workers have said goodbye.
    """

    def __init__(
        self,
        host: str,
        expected: Mapping[str, int],
        token: str,
        patience: float = PATIENCE,
        tell: Callable[[str], None] = say_aloud,
    ):
        self.reason: Optional[str] = None
        self.over = False
        self.ended = threading.Event()
        self.joined: Dict[str, int] = dict.fromkeys(expected, 0)
        self._expected, self._token, self._patience = dict(expected), token, patience
        self._tell = tell
        self._members: List[Member] = []
        self._farewells = 0
        self._meeting: Optional[float] = None
        self._awake = 0.0
        self._lock = threading.RLock()
        self._server = socket.create_server((host, 0), backlog=128)
        self._server.setblocking(False)
        self.address = self._server.getsockname()[:2]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        threading.Thread(target=self._listen, daemon=True).start()

    def end(self, reason: str) -> None:
        """End the job for a reason; the first one counts."""
        with self._lock:
            if self.over or self.reason:
                return
            self.reason = reason
            self.ended.set()
            for member in self._named():
                member.wire.say("end", reason)

    def _named(self) -> List[Member]:
        return [member for member in self._members if member.name]

    def _listen(self) -> None:
        before = beat = time.monotonic()
        while True:
            ready = self._selector.select(TICK)
            now = time.monotonic()
            with self._lock:
                # A machine that slept, or a launcher that was stopped, has heard of nobody.
                self._awake += min(now - before, 2 * TICK)
                before = now
                for key, _ in ready:
                    if key.fileobj is self._server:
                        self._accept()
                    else:
                        self._read(key.data)
                if now - beat >= min(BEAT, self._patience / 4):
                    beat = now
                    for member in self._named():
                        member.wire.say("beat")
                self._wait_for_all()
                self._look()

    def _accept(self) -> None:
        try:
            connection, _ = self._server.accept()
            connection.setblocking(False)
            member = Member(connection, self._awake)
        except OSError:  # gone already, or no more files can be opened
            time.sleep(0.01)
            return
        strangers = [member for member in self._members if not member.name]
        if len(strangers) >= STRANGERS:
            self._drop(strangers[0])
        self._members.append(member)
        self._selector.register(connection, selectors.EVENT_READ, member)
        member.wire.say("hello", member.challenge)

    def _drop(self, member: Member) -> None:
        self._members.remove(member)
        self._selector.unregister(member.wire.connection)
        member.wire.close()

    def _read(self, member: Member) -> None:
        if member not in self._members:  # dropped in the meantime
            return
        with contextlib.suppress(TimeoutError):
            for message in member.wire.read():
                if message is None or not self._heard(member, *message):
                    self._drop(member)
                    if member.name and not member.left:
                        self.end(f"{member.name} has died")
                    return

    def _heard(self, member: Member, verb: str, text: str) -> bool:
        """Heed what a member says; False where the line to it is to be cut."""
        if not member.name:
            return verb == "join" and self._introduced(member, text)
        member.heard = self._awake
        if member.warned:
            member.warned = False
            self._tell(f"{member.name} is heard of again")
        if verb == "name":
            member.name = text or member.name
        elif verb == "meet":
            member.meets = True
        elif verb == "met":
            member.met = True
        elif verb == "failed":
            self.end(f"{member.name}: {text}")
        elif verb == "goodbye":
            self._goodbye(member)
        return True

    def _introduced(self, member: Member, text: str) -> bool:
        """Take a stranger in: its proof, its challenge, its role and its name."""
        shown, challenge, role, name = (text.split(" ", 3) + [""] * 4)[:4]
        if not is_proof(shown, self._token, role, member.challenge) or not name:
            return False
        if self.joined.get(role, 0) >= self._expected.get(role, 0):
            return False
        self.joined[role] += 1
        member.role, member.name, member.heard = role, name, self._awake
        member.wire.say("welcome", proof(self._token, "launcher", challenge))
        if self.reason:
            member.wire.say("end", self.reason)
        elif self.over:
            member.wire.say("over")
        return True

    def _goodbye(self, member: Member) -> None:
        if member.role == "worker" and not member.left:
            self._farewells += 1
        member.left = True
        last = self._farewells == self._expected["worker"] and not self.reason and not self.over
        self.over = self.over or last
        member.wire.say("heard")  # only now: whoever waits for it may ask whether all is over
        if last:
            for other in self._named():
                other.wire.say("over")

    def _wait_for_all(self) -> None:
        """End the job where not all join, or where workers do not find one another, in time."""
        if self._awake > self._patience and self.joined != self._expected:
            counts = ", ".join(
                f"{self.joined[role]} of {count} {role}{'s' if count > 1 else ''}"
                for role, count in self._expected.items()
            )
            self.end(f"within {self._patience:.0f} s not all have joined: {counts}")
        workers = [member for member in self._named() if member.role == "worker"]
        if sum(member.meets for member in workers) < self._expected["worker"]:
            return
        if self._meeting is None:
            self._meeting = self._awake
        if self._awake - self._meeting > self._patience and not all(m.met for m in workers):
            self.end(
                f"within {self._patience:.0f} s the workers have not reached one another over "
                "mxnet's kvstore: are ports between the machines closed?"
            )

    def _look(self) -> None:
        """Drop strangers that stay; name who has been silent, and end what waits too long."""
        for member in list(self._members):
            silent = self._awake - member.heard
            if not member.name:
                if silent > INTRODUCTION:
                    self._drop(member)
            elif member.left:
                continue
            elif silent > self._patience:
                self.end(f"{member.name} has not been heard of for {self._patience:.0f} s")
            elif silent > min(SILENCE, self._patience / 2) and not (member.warned or self.over):
                member.warned = True
                self._tell(f"{member.name} has not been heard of for {silent:.0f} s: all wait")
