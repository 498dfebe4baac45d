"""The lines between a job's processes: a death, a failure or a goodbye of one reaches all, and
strangers reach nobody.
"""

import contextlib
import queue
import socket
import subprocess
import sys
import time

import pytest

from aff.distributed import lifeline


class Process:
    """One side of a job, which notes why it was ended instead of ending."""

    def __init__(self):
        self.ends = queue.Queue()
        self.left = queue.Queue()

    def notes(self):
        return {"end": self.ends.put, "leave": lambda: self.left.put(True)}

    def reason(self):
        return self.ends.get(timeout=10)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def job():
    """A hub, and a function that adds a process to it."""
    port = free_port()
    scheduler = Process()
    hub = lifeline.Hub("127.0.0.1", port, 2, **scheduler.notes())

    def join(name):
        process = Process()
        process.line = lifeline.Line(name, "127.0.0.1", port, **process.notes())
        process.line._connected.wait(10)
        until = time.monotonic() + 10
        while name not in hub._lines.values() and time.monotonic() < until:
            time.sleep(0.01)
        return process

    join.port, join.scheduler = port, scheduler
    return join


def test_a_death_ends_all(job):
    others = [job.scheduler, job("a server"), job("worker 0")]
    job("worker 1").line._connection.shutdown(socket.SHUT_RDWR)
    assert {process.reason() for process in others} == {"worker 1 has died"}


def test_a_failure_ends_all_with_its_reason(job):
    server, worker, failing = job("a server"), job("worker 0"), job("worker 1")
    failing.line.failed("the loss is not finite")
    for process in (job.scheduler, server, worker):
        assert process.reason() == "worker 1: the loss is not finite"
    assert failing.ends.empty()


def test_what_ends_well_ends_quietly(job):
    server, workers = job("a server"), [job("worker 0"), job("worker 1")]
    workers[0].line.goodbye()
    workers[1].line.goodbye()
    assert server.left.get(timeout=10)
    assert job.scheduler.left.get(timeout=10)
    server.line._connection.shutdown(socket.SHUT_RDWR)
    time.sleep(0.2)
    for process in (job.scheduler, server, *workers):
        assert process.ends.empty()


def test_a_death_after_some_goodbyes_still_counts(job):
    first, second = job("worker 0"), job("worker 1")
    first.line.goodbye()
    second.line._connection.shutdown(socket.SHUT_RDWR)
    assert job.scheduler.reason() == "worker 1 has died"
    assert first.reason() == "worker 1 has died", "it would wait for worker 1 for ever"


def test_a_worker_says_which_it_is(job):
    worker = job("a worker")
    worker.line.rename("worker 1 of 2")
    worker.line.failed("no more")
    assert job.scheduler.reason() == "worker 1 of 2: no more"


@pytest.mark.parametrize(
    "words",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b'{"failed": "I am nobody"}\n', b"[1]\n", b"x" * 100_000],
    ids=["silence", "http", "nobody", "list", "endless"],
)
def test_strangers_are_not_heard(job, words):
    worker = job("worker 0")
    address = ("127.0.0.1", job.port)
    with socket.create_connection(address) as stranger, contextlib.suppress(OSError):
        stranger.sendall(words)
        stranger.shutdown(socket.SHUT_WR)
        while stranger.recv(100):
            pass
    time.sleep(0.1)
    assert job.scheduler.ends.empty()
    assert worker.ends.empty()


def test_a_scheduler_that_never_comes():
    process, port = Process(), free_port()
    lifeline.Line("worker 0", "127.0.0.1", port, patience=0.3, **process.notes())
    assert process.reason() == f"no scheduler at 127.0.0.1:{port} within 0 s"


def test_the_death_of_the_scheduler_is_noticed():
    port = free_port()
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import importlib.util as u\n"
        "spec = u.spec_from_file_location('lifeline', sys.argv[1]); m = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(m); m.Hub('127.0.0.1', int(sys.argv[2]), 1); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, lifeline.__file__, str(port)]) as scheduler:
        process = Process()
        line = lifeline.Line("worker 0", "127.0.0.1", port, **process.notes())
        assert line._connected.wait(30)
        scheduler.kill()
        assert process.reason() == "the scheduler has died"


def test_the_port_of_the_lines():
    assert lifeline.line_port(9091) == 19091
    assert lifeline.line_port(60000) == 50000
