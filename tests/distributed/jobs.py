"""Jobs of no processes but this one, which note what the processes would do."""

import queue
import socket
import time

from aff.distributed import hub as hubs
from aff.distributed import lifeline

TOKEN = "the job's"
EXPECTED = {"scheduler": 1, "server": 1, "worker": 2}


class Process:
    """A process of a job, which notes why it was ended instead of ending."""

    def __init__(self, role, address, token=TOKEN, **kwargs):
        self.ends, self.left = queue.Queue(), queue.Queue()
        self.line = lifeline.Line(
            role,
            f"a {role}",
            address,
            token,
            end=self.ends.put,
            leave=lambda: self.left.put(True),
            **kwargs,
        )

    def ended(self):
        """What it was told at the end, after waiting for it."""
        return self.ends.get(timeout=20)

    def die(self):
        self.line._wire.connection.shutdown(socket.SHUT_RDWR)


class Job:
    """A hub, its processes, and what it told people."""

    def __init__(self, **kwargs):
        self.told = []
        self.hub = hubs.Hub("127.0.0.1", EXPECTED, TOKEN, tell=self.told.append, **kwargs)

    def join(self, role="worker", **kwargs):
        return Process(role, self.hub.address, **kwargs)

    def reason(self):
        assert self.hub.ended.wait(20)
        return self.hub.reason


def until(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()
