"""A run whose terminal closes."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from ..conftest import ROOT, run_python
from .conftest import QUICK

#: Undoes what the tests themselves may have been started under: nohup's SIGHUP is inherited.
HEED = (
    "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


def run_on_a_terminal(folder, wrapper, *more):
    """Start a long run on a terminal of its own; gives the process and the terminal's other end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            *(
                *(sys.executable, "-c", HEED),
                "setsid",
                "--ctty",
                *wrapper,
                sys.executable,
                f"{ROOT}/train_cifar.py",
                *QUICK.split(),
            ),
            *("--num-epochs", "500", "--save-dir", "run", "--save-period", "0", *more),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    return process, ours


def epochs(folder):
    path = folder / "logs/run/train.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return sum(json.loads(line)["event"] == "epoch" for line in lines)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


@pytest.mark.slow
def test_a_closed_terminal_saves_the_run(elsewhere):
    process, terminal = run_on_a_terminal(elsewhere, [])
    until(lambda: epochs(elsewhere) >= 1)
    os.close(terminal)
    assert process.wait(60) == 128 + signal.SIGHUP
    last = json.loads((elsewhere / "logs/run/train.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["signal"]) == ("stop", "SIGHUP")
    assert list((elsewhere / "run").glob("checkpoint-*"))
    done = epochs(elsewhere)
    finished = run_python(
        f"{ROOT}/train_cifar.py",
        *QUICK.split(),
        *("--num-epochs", done + 1, "--save-dir", "run", "--save-period", "0"),
        *("--resume", "auto", "--resume-changed"),
        cwd=elsewhere,
    )
    assert finished.returncode == 0, finished.stderr
    assert epochs(elsewhere) == done + 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["nohup", "trap"])
def test_a_run_that_ignores_hang_ups_goes_on(elsewhere, how):
    """Also where it wrote to the terminal itself."""
    wrapper = ["nohup"] if how == "nohup" else ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    process, terminal = run_on_a_terminal(elsewhere, wrapper)
    until(lambda: epochs(elsewhere) >= 1)
    os.close(terminal)
    done = epochs(elsewhere)
    until(lambda: epochs(elsewhere) >= done + 3)
    assert process.poll() is None
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM


def test_a_run_whose_streams_are_closed(elsewhere):
    command = [sys.executable, f"{ROOT}/train_cifar.py", *QUICK.split(), "--num-epochs", "1"]
    subprocess.run(
        ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command, "--save-dir", "run"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )
    assert epochs(elsewhere) == 1
    assert (elsewhere / "run/checkpoint-0001").is_dir()


def test_a_run_whose_pipe_nobody_reads_any_more_goes_on(elsewhere):
    """As of ``| head``; standard error, which is read, goes on too."""
    command = [sys.executable, f"{ROOT}/train_cifar.py", *QUICK.split(), "--num-epochs", "2"]
    process = subprocess.Popen(
        [*command, "--save-dir", "run"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(300) == 0, errors
    assert epochs(elsewhere) == 2
    assert "evaluate again" in (elsewhere / "logs/run/train.log").read_text()
