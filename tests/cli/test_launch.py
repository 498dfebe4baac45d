"""``aff launch``: train_imagenet.py over two workers on loopback, and what ends such a job."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aff.cli import launch

from .conftest import QUICK_IMAGENET, exit_code
from .photos import MODULE

ROOT = Path(__file__).parents[2]


def launched(text, folder, *flags):
    """Start the script under the launcher, two workers and a server."""
    command = [
        *(sys.executable, "-m", "aff", "launch", "-n", "2", "-s", "1", *flags, "--"),
        sys.executable,
        *(str(ROOT / "train_imagenet.py"), "--kvstore", "dist_sync", *QUICK_IMAGENET.split()),
        *text.split(),
    ]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def photos(tmp_path):
    """Flags of a small network, which is made known to the processes of the job."""
    (tmp_path / "photos.py").write_text(MODULE)
    return "--import photos --model photo_resnet8 --batch-size 2"


def finished(process):
    """What the job printed."""
    try:
        return process.communicate(timeout=120)[0]
    finally:
        process.kill()


def processes_of(folder):
    """Ids of the job's processes, by role."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = dict(
                line.split("=", 1)
                for line in (path / "environ").read_text(errors="replace").split("\0")
                if "=" in line
            )
            if os.readlink(path / "cwd") == str(folder) and "DMLC_ROLE" in environment:
                command = (path / "cmdline").read_text().split("\0")
                if "python" in command[0]:
                    found.setdefault(environment["DMLC_ROLE"], []).append(int(path.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.numeric
def test_two_workers_train_one_network(records, photos, tmp_path):
    process = launched(f"{records} {photos} --num-epochs 2 --mixup --save-dir run", tmp_path)
    output = finished(process)
    assert process.returncode == 0, output
    assert "cpu(0) on each of 2 workers (dist_sync); batch 4 (2 on each), 2 batches" in output
    assert len(re.findall(r"\bepoch 1 +lr ", output)) == 1
    events = [json.loads(line) for line in (tmp_path / "logs/run/train.jsonl").open()]
    assert [event["event"] for event in events] == ["start", "epoch", "epoch", "end"]
    error = events[-1]["last_val_top1_error"]
    assert error * 7 == pytest.approx(round(error * 7)), "7 images, each counted once"
    assert (tmp_path / "run/checkpoint-0002").is_dir()
    params = next((tmp_path / "run").glob("best.params"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "aff", "evaluate", "--params", str(params), "--cpus", "1"),
            *("--import", "photos"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"top-1 error {100 * events[-1]['val_top1_error']:.2f} %" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds processes in /proc")
@pytest.mark.parametrize("role", ["worker", "server", "scheduler"])
def test_the_death_of_a_process_ends_the_job(records, photos, tmp_path, role):
    flags = "--num-epochs 5000 --log-interval 1 --save-dir run"
    process = launched(f"{records} {photos} {flags}", tmp_path)
    for line in process.stdout:
        if "batch 1 of 2" in line:
            break
    os.kill(processes_of(tmp_path)[role][-1], signal.SIGKILL)
    start = time.monotonic()
    output = finished(process)
    assert process.returncode == 1
    assert time.monotonic() - start < 30
    assert "has died" in output
    until = time.monotonic() + 10
    while processes_of(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert not processes_of(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds processes in /proc")
def test_a_stopped_process_is_named_and_ends_the_job(records, photos, tmp_path):
    flags = "--num-epochs 5000 --log-interval 1 --save-dir run"
    process = launched(f"{records} {photos} {flags}", tmp_path, "--patience", "20")
    for line in process.stdout:
        if "batch 1 of 2" in line:
            break
    stopped = processes_of(tmp_path)["worker"][-1]
    os.kill(stopped, signal.SIGSTOP)
    output = finished(process)
    assert process.returncode == 1
    assert f"process {stopped}) has not been heard of for 20 s" in output
    assert not processes_of(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds processes in /proc")
def test_the_end_of_the_launcher_ends_the_job(records, photos, tmp_path):
    flags = "--num-epochs 5000 --log-interval 1 --save-dir run"
    process = launched(f"{records} {photos} {flags}", tmp_path)
    for line in process.stdout:
        if "batch 1 of 2" in line:
            break
    process.kill()
    assert "the job ends: the launcher has ended" in finished(process)
    until = time.monotonic() + 10
    while processes_of(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert not processes_of(tmp_path)


@pytest.mark.slow
def test_a_mistake_ends_the_job(records, tmp_path):
    process = launched(f"{records} --batch-size 2 --lr nonsense", tmp_path)
    output = finished(process)
    assert process.returncode == 1
    assert "--lr: takes a number, got 'nonsense'" in output
    assert "has ended before its time" in output
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_leaders_mistake_ends_the_job_with_its_reason(records, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/best.params").write_text("another's")
    process = launched(f"{records} --batch-size 2 --save-dir run", tmp_path)
    output = finished(process)
    assert process.returncode == 1
    assert "--save-dir run holds a run already" in output
    assert "the job ends: worker 0 of 2" in output
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    "text, message",
    [
        ("-n 2", "name the COMMAND"),
        ("-n 2 --", "name the COMMAND"),
        ("-n 0 -- true", "at least 1"),
        ("-n 2 --launcher ssh true", "--launcher ssh needs -H FILE"),
        ("-n 2 --launcher ssh true --import nowhere", "--launcher ssh needs -H FILE"),
        ("-n 2 --launcher local -H hosts true", "leave -H out"),
        ("-n 2 -H hosts true", "-H hosts: no such file"),
        ("-n 2 -H /dev/zero true", "-H /dev/zero: no such file"),
        ("-n 2 -H empty true", "--hostfile empty: names no machine"),
        ("-n 2 -H options true", "--hostfile options, line 1: takes HOST"),
        ("-n 2 --address 10.0.0.1 true", "leave --address out"),
        ("-n 2 --env A=b true", "--env: takes the name of an environment variable"),
        ("-n 2 --patience 0 true", "--patience: takes a number of at least 1"),
        ("-n 2 nowhere/run", "nowhere/run: cannot be run"),
    ],
)
def test_mistakes(text, message, capsys, elsewhere):
    (elsewhere / "empty").touch()
    (elsewhere / "options").write_text("-oProxyCommand=true\n")
    assert exit_code(["launch", *text.split()]) == 2
    assert message in capsys.readouterr().err


def test_words_of_the_command_are_kept_apart(monkeypatch):
    plans = []
    monkeypatch.setattr(launch, "submit", lambda plan: plans.append(plan) or 0)
    assert exit_code(["launch", "-n", "3", "run", "it well", "--now", "-n", "4"]) == 0
    assert list(plans[0].command) == ["run", "it well", "--now", "-n", "4"]
    assert (plans[0].launcher, plans[0].workers, plans[0].servers) == ("local", 3, 3)
