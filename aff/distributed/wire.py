"""What a job's launcher and its other processes say to one another: a verb and a text a line, over
TCP, between those only that know the job's token.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import socket
import threading
from collections import deque
from typing import Deque, List, Optional, Tuple

from ..utils.report import printable

#: Bytes of a line; who says more at once is not heard any further.
LONGEST_LINE = 4096
#: Characters of a text.
LONGEST_TEXT = 1000
#: Seconds between two signs of life.
BEAT = 5.0
#: Seconds that a process may take to join its job, and may then be silent for.
PATIENCE = 300.0
Message = Tuple[str, str]


def new_token() -> str:
    """Return what only the processes of one job know."""
    return secrets.token_hex(32)


def proof(token: str, side: str, challenge: str) -> str:
    """Return what shows one side's challenge that the other knows the token, without saying it."""
    return hmac.new(token.encode(), f"{side} {challenge}".encode(), hashlib.sha256).hexdigest()


def is_proof(given: str, token: str, side: str, challenge: str) -> bool:
    """Tell whether a proof is right, in a time that does not depend on where it is wrong."""
    return hmac.compare_digest(given.encode(), proof(token, side, challenge).encode())


class Wire:
    """One end of a connection, whose other end may be anybody.

    Parameters
    ----------
    connection : socket
        The connection; its timeout is what `read` waits.
    """

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self._unread = b""
        self._come: Deque[Optional[Message]] = deque()
        self._lock = threading.Lock()
        keep_alive(connection)

    def say(self, verb: str, text: str = "") -> None:
        """Say something, if the other end still listens."""
        line = f"{verb} {printable(text, LONGEST_TEXT)}\n"
        with self._lock, contextlib.suppress(OSError):
            self.connection.sendall(line.encode("utf-8", "replace"))

    def read(self) -> List[Optional[Message]]:
        """Return what has come since the last call; None after what was last.

        Raises
        ------
        TimeoutError
            Where nothing has come in time.
        """
        try:
            given = self.connection.recv(LONGEST_LINE)
        except (socket.timeout, BlockingIOError) as error:
            raise TimeoutError("it does not answer") from error
        except OSError:
            given = b""
        *lines, self._unread = (self._unread + given).split(b"\n")
        messages: List[Optional[Message]] = []
        for line in lines:
            verb, _, text = line[:LONGEST_LINE].decode("utf-8", "replace").partition(" ")
            messages.append((verb, printable(text, LONGEST_TEXT)))
        if not given or len(self._unread) > LONGEST_LINE:
            messages.append(None)
        return messages

    def next_message(self) -> Optional[Message]:
        """Return the next that comes, or has come; None at the end; raises as `read` does."""
        while not self._come:
            self._come.extend(self.read())
        return self._come.popleft()

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(OSError):
            self.connection.close()


def keep_alive(connection: socket.socket) -> None:
    """Have the system notice within a minute that the other machine is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
