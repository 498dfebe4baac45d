"""The lines between a job's launcher and its processes: a death, a failure, a silence or a goodbye
of one reaches all.
"""

import socket
import subprocess
import sys
import threading
import time

import pytest

from aff.distributed import hub as hubs
from aff.distributed import wire
from aff.utils.errors import RunError

from ..conftest import ROOT
from .jobs import EXPECTED, TOKEN, Job, Process, until


@pytest.fixture
def job():
    return Job()


def test_a_death_ends_all(job):
    others = [job.join("scheduler"), job.join("server"), job.join()]
    dying = job.join()
    dying.line.met("worker 1 of 2")
    until(lambda: "worker 1 of 2" in [member.name for member in job.hub._members])
    dying.die()
    assert job.reason() == "worker 1 of 2 has died"
    assert [process.ended() for process in others] == ["", "", ""]


def test_a_failure_ends_all_with_its_reason(job):
    others, failing = [job.join("server"), job.join()], job.join()
    failing.line.met("worker 1 of 2")
    failing.line.failed("the loss is not finite")
    assert job.hub.reason == "worker 1 of 2: the loss is not finite", "heard before it returns"
    assert [process.ended() for process in others] == ["", ""]
    assert failing.ends.empty()


def test_what_ends_well_ends_quietly(job):
    server, workers = job.join("server"), [job.join(), job.join()]
    workers[0].line.goodbye()
    assert not job.hub.over
    workers[1].line.goodbye()
    assert job.hub.over, "heard before it returns"
    for process in (server, *workers):
        assert process.left.get(timeout=20)
    server.die()
    workers[0].die()
    until(lambda: len(job.hub._members) == 1)
    assert job.hub.reason is None
    assert server.ends.empty() and workers[1].ends.empty()


def test_the_last_worker_is_heard_once_the_job_is_over(job, monkeypatch):
    """However late the launcher gets on with what it does behind its answer."""
    say = wire.Wire.say

    def slowly(self, verb, text=""):
        say(self, verb, text)
        time.sleep(0.2 if verb == "heard" else 0)

    workers = [job.join(), job.join()]
    monkeypatch.setattr(wire.Wire, "say", slowly)
    for worker in workers:
        worker.line.goodbye()
    assert job.hub.over


def test_a_death_after_some_goodbyes_still_counts(job):
    first, second = job.join(), job.join()
    first.line.goodbye()
    second.die()
    assert job.reason() == "a worker has died"
    assert first.ended() == "", "it would wait for the other for ever"


def test_one_worker_says_one_goodbye(job):
    server, worker = job.join("server"), job.join()
    job.join()
    for _ in range(5):
        worker.line.goodbye()
    server.line.goodbye()
    assert not job.hub.over


def test_all_have_to_join_in_time():
    job = Job(patience=0.5)
    worker = job.join()
    assert "1 of 2 workers" in job.reason() and "0 of 1 server" in job.reason()
    assert worker.ended() == ""


@pytest.mark.slow
def test_workers_have_to_find_one_another_in_time():
    job = Job(patience=3)
    server, workers = job.join("server", patience=3), [job.join(patience=3), job.join(patience=3)]
    job.join("scheduler", patience=3)
    workers[0].line.meet()
    until(lambda: job.hub._awake > 3.5)
    assert job.hub.reason is None, "one may read data before it comes to that"
    workers[1].line.meet()
    workers[1].line.met("worker 1 of 2")
    assert "the workers have not reached one another" in job.reason()
    assert server.ended() == ""


def test_who_joins_after_the_end_is_told(job):
    for _ in range(2):
        job.join().line.goodbye()
    assert job.join("server").left.get(timeout=20)
    ended = Job()
    ended.hub.end("a reason")
    assert ended.join().ended() == ""


def test_no_more_join_than_there_are(job):
    job.join("server")
    for role in ("server", "king"):
        with pytest.raises(RunError, match="cannot join"):
            job.join(role, answer=0.5)


@pytest.fixture
def quick():
    """A job of little patience, and its processes, which give signs of life more often."""
    job = Job(patience=4)
    processes = [job.join(role, patience=4) for role, n in EXPECTED.items() for _ in range(n)]
    return job, processes


@pytest.mark.slow
def test_who_is_silent_is_named_and_ends_the_job(quick):
    job, processes = quick
    until(lambda: job.hub._awake > 6)
    assert job.hub.reason is None
    processes[-1].line.met("worker 1 of 2")
    processes[-1].line.over = True  # gives no sign of life any more
    assert job.reason() == "worker 1 of 2 has not been heard of for 4 s"
    assert any("worker 1 of 2 has not been heard of for" in line for line in job.told)
    assert processes[0].ended() == ""


def test_the_launchers_own_sleep_is_nobodys_silence(monkeypatch):
    moments = iter([0.0, 0.0, *range(1000, 10**9, 1000)])
    clock = type("clock", (), {"monotonic": lambda: next(moments), "sleep": time.sleep})
    monkeypatch.setattr(hubs, "time", clock)
    monkeypatch.setattr(hubs, "TICK", 0.01)
    job = Job()
    [job.join(role) for role, n in EXPECTED.items() for _ in range(n)]
    time.sleep(0.5)
    assert job.hub._awake < 10
    assert job.hub.reason is None


def test_a_launcher_that_falls_silent():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def welcome():
            end = wire.Wire(server.accept()[0])
            end.say("hello", "challenge")
            challenge = end.next_message()[1].split()[1]
            end.say("welcome", wire.proof(TOKEN, "launcher", challenge))
            time.sleep(20)

        threading.Thread(target=welcome, daemon=True).start()
        process = Process("worker", server.getsockname(), patience=0.4)
        assert process.ended() == "the launcher has not been heard of for 0 s"


def test_a_proof_serves_once_and_one_side():
    assert wire.is_proof(wire.proof(TOKEN, "worker", "1"), TOKEN, "worker", "1")
    for side, challenge in (("launcher", "1"), ("worker", "2")):
        assert not wire.is_proof(wire.proof(TOKEN, "worker", "1"), TOKEN, side, challenge)
    assert wire.new_token() != wire.new_token()


def test_escape_sequences_are_not_passed_on(job):
    worker = job.join()
    worker.line.met("worker\x1b]0;1 of 2\x07")
    worker.line.failed("\x1b[2J\nall is \x9b31m well" + 5000 * "!")
    assert job.hub.reason.isprintable()
    assert "all is" in job.hub.reason and len(job.hub.reason) < 3000


def test_the_death_of_the_launcher_is_noticed():
    code = (
        "import sys, time; from aff.distributed.hub import Hub\n"
        f"print(Hub('127.0.0.1', {EXPECTED}, {TOKEN!r}).address[1], flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as launcher:
        process = Process("worker", ("127.0.0.1", int(launcher.stdout.readline())))
        launcher.kill()
        assert process.ended() == "the launcher has ended"
