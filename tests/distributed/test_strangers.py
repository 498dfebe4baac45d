"""Whoever else reaches a job's launcher, or stands in its place, is not heard and not believed."""

import contextlib
import socket
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aff.distributed import hub as hubs
from aff.utils.errors import RunError

from .jobs import TOKEN, Job, Process, until


@pytest.fixture
def job():
    return Job()


def talk(address, words):
    """Say something as a stranger, and listen until the other side has had enough."""
    stranger = socket.create_connection(address, timeout=20)
    with stranger, contextlib.suppress(OSError):
        stranger.sendall(words)
        stranger.shutdown(socket.SHUT_WR)
        while stranger.recv(100):
            pass


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"failed I am nobody\n",
        b"name nobody\ngoodbye\ngoodbye\n",
        b"join  0 worker \xc3\xa9\n",
        b"join " + b"0" * 64 + b" 0 worker nobody\ngoodbye\ngoodbye\n",
        b"[" * 4000 + b"\n",
        b"\xff\x00\x1b[31m\n" * 100,
        b"x" * 100_000,
    ],
    ids=["silence", "http", "failed", "name", "text", "proof", "nested", "bytes", "endless"],
)
def test_strangers_are_not_heard(job, words):
    worker = job.join()
    talk(job.hub.address, words)
    until(lambda: len(job.hub._members) == 1)
    assert job.hub.reason is None and not job.hub.over
    assert worker.ends.empty()


@pytest.fixture(scope="module")
def stage():
    """A job to which nobody belongs."""
    return Job()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    words=st.lists(
        st.one_of(
            st.binary(max_size=300),
            st.builds(
                lambda verb, text: f"{verb} {text}\n".encode("utf-8", "replace"),
                st.sampled_from(["join", "name", "failed", "goodbye", "beat", "end", "over"]),
                st.text(max_size=100),
            ),
        ),
        max_size=8,
    ).map(b"".join)
)
def test_no_strangers_words_are_heeded(stage, words):
    talk(stage.hub.address, words)
    assert stage.hub.reason is None and not stage.hub.over
    assert not any(stage.hub.joined.values())


def test_a_crowd_of_strangers_keeps_nobody_out(job):
    with contextlib.ExitStack() as stack:
        for _ in range(3 * hubs.STRANGERS):
            stack.enter_context(socket.create_connection(job.hub.address, timeout=20))
        job.join().line.failed("a reason")
        assert job.hub.reason == "a worker: a reason"
        assert len(job.hub._members) <= hubs.STRANGERS + 1


def test_strangers_do_not_stay(monkeypatch):
    monkeypatch.setattr(hubs, "INTRODUCTION", 0.1)
    job = Job()
    with socket.create_connection(job.hub.address, timeout=20) as stranger:
        assert stranger.recv(100).startswith(b"hello ")
        assert stranger.recv(100) == b""


def test_another_jobs_process_is_a_stranger(job):
    with pytest.raises(RunError, match="cannot join its job"):
        job.join(token="another job's", answer=0.5)
    assert job.hub.joined["worker"] == 0


@pytest.mark.parametrize(
    "words",
    [b"", b"hello\n", b"hello 1\nwelcome 0\n", b"hello 1\nwelcome \xff\n", b"\x00" * 9999],
    ids=["nothing", "half", "wrong", "bytes", "endless"],
)
def test_what_listens_in_a_launchers_place_is_not_believed(words):
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen():
            while True:
                connection = server.accept()[0]
                connection.settimeout(20)
                with connection, contextlib.suppress(OSError):
                    connection.sendall(words)
                    connection.shutdown(socket.SHUT_WR)
                    heard.append(connection.recv(4096))

        threading.Thread(target=listen, daemon=True).start()
        with pytest.raises(RunError, match="cannot join its job: .*is not this job's launcher"):
            Process("worker", server.getsockname(), answer=1)
    assert TOKEN.encode() not in b"".join(heard)


def test_a_silent_listener_in_a_launchers_place():
    refused = pytest.raises(RunError, match="cannot join its job: .*does not answer")
    with socket.create_server(("127.0.0.1", 0)) as server, refused:
        Process("worker", server.getsockname(), answer=0.5)


def test_a_launcher_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(RunError, match=f"cannot join its job: launcher at 127.0.0.1:{address[1]}"):
        Process("worker", address, answer=0.5)
