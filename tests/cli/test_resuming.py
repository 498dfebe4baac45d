"""The flags that go on with runs, or start from their parameters."""

import fcntl
import json
import shutil
import subprocess
import sys

import pytest

from ..conftest import ROOT
from .conftest import held_by_another, lines_of, train, trained_in


@pytest.fixture(scope="module")
def common(small):
    """Flags of all runs here."""
    return f"{small} --fusion DirectAdd --batch-size 10 --lr 0.05 --save-period 0"


@pytest.fixture(scope="module")
def trained(common, tmp_path_factory):
    """A folder in which one epoch was trained, in ``run``."""
    return trained_in(tmp_path_factory.mktemp("trained"), f"{common} --num-epochs 1 --save-dir run")


@pytest.fixture
def run(trained, elsewhere):
    """A copy of that run."""
    for name in ("run", "logs"):
        shutil.copytree(trained / name, elsewhere / name)
    return elsewhere / "run"


def events(folder, kind):
    lines = (folder / "train.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def test_other_settings_are_named_and_refused_unless_told(run, common, capsys, elsewhere):
    more = f"{common} --num-epochs 2 -j 0 --resume auto --save-dir run"
    capsys.readouterr()
    assert train(more) == 2
    error = capsys.readouterr().err
    assert "num_epochs 1 -> 2" in error
    assert "num_workers" not in error
    assert "or go on all the same by --resume-changed" in error
    assert train(f"{more} --resume-changed") == 0
    output = capsys.readouterr().out
    assert "after epoch 0" in lines_of(output, "resume")[0]
    changed = " ".join(lines_of(output, "changed"))
    assert "num_epochs 1 -> 2" in changed
    assert "num_workers" in changed
    logs = elsewhere / "logs" / "run"
    assert [event["epoch"] for event in events(logs, "epoch")] == [0, 1]
    assert "num_epochs 1 -> 2" in events(logs, "resume")[0]["changed"]


def test_another_batch_size_moves_the_schedule(run, common, capsys, elsewhere):
    more = f"{common} --batch-size 20 --num-epochs 3"
    flags = "--resume auto --resume-changed --lr-decay-epoch 2 --save-dir run"
    assert train(f"{more} {flags}") == 0
    changed = lines_of(capsys.readouterr().out, "changed")
    assert any("steps" in line and "epoch 1 " in line for line in changed)
    found = events(elsewhere / "logs" / "run", "epoch")
    assert [event["lr"] for event in found] == pytest.approx([0.05, 0.05, 0.005])


def test_a_run_from_the_parameters_of_another(run, common, capsys, elsewhere):
    text = (
        f"{common} --num-epochs 3 --save-dir next --resume-from run/best.params --resume-epoch 2 "
        "--resume-states run/checkpoint-0001/optimizer.params --lr-decay-epoch 2"
    )
    assert train(text) == 0
    (start,) = lines_of(capsys.readouterr().out, "start")
    assert "epoch 2" in start and "run/best.params" in start
    found = events(elsewhere / "logs" / "next", "epoch")
    before = events(elsewhere / "logs" / "run", "epoch")
    assert [event["epoch"] for event in found] == [2]
    assert found[0]["lr"] == pytest.approx(0.005)
    assert found[0]["train_loss"] < before[0]["train_loss"]
    assert (elsewhere / "next" / "checkpoint-0003").is_dir()


def test_a_folder_that_another_process_writes_is_refused(run, common, capsys):
    capsys.readouterr()
    with held_by_another(run):
        assert train(f"{common} --num-epochs 1 --resume auto --save-dir run") == 2
        error = capsys.readouterr().err
        assert error.startswith("train_cifar.py: error: run: process 1 on another ")
        assert "--save-dir" in error
        assert error.count("\n") == 1
    assert train(f"{common} --num-epochs 1 --resume auto --save-dir run") == 0
    assert not (run / ".lock").exists()


@pytest.mark.slow
def test_two_processes_do_not_write_one_folder(common, elsewhere):
    command = [
        *(sys.executable, f"{ROOT}/train_cifar.py", *common.split(), "--num-epochs", "500"),
        *("--save-dir", "run", "--resume", "auto"),
    ]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in first.stdout:
        if line.startswith("epoch 0"):
            break
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    first.terminate()
    errors = first.communicate(timeout=60)[1]
    assert second.returncode == 2
    assert f"run: process {first.pid} on " in second.stderr
    assert first.returncode == 143
    assert "stopped by SIGTERM after epoch" in errors
    assert errors.rstrip().endswith("go on with the same command and --resume auto --save-dir run")


def test_what_resuming_may_never_change_is_not_offered(run, common, capsys):
    capsys.readouterr()
    flags = "--num-epochs 2 --resume auto --resume-changed --save-dir run --val-split 0.2"
    assert train(f"{common} {flags}") == 2
    error = capsys.readouterr().err
    assert "another val_split cannot go on with its figures" in error
    assert "--resume-changed" not in error


def test_two_runs_do_not_write_one_log(run, common, capsys, elsewhere):
    assert train(f"{common} --num-epochs 1 --save-dir other/run --logging-dir logs/other") == 0
    capsys.readouterr()
    more = f"{common} --num-epochs 1 --resume auto --save-dir other/run"
    assert train(more) == 2
    error = capsys.readouterr().err
    assert "--logging-dir logs/run holds the log of the run in run: name another folder" in error
    assert train(f"{more} --logging-dir logs/other") == 0
    (elsewhere / "run").rename(elsewhere / "moved")
    (elsewhere / "logs" / "run").rename(elsewhere / "logs" / "moved")
    assert train(f"{common} --num-epochs 1 --resume auto --save-dir moved") == 0


def test_a_log_that_another_process_writes_is_refused(run, common, capsys, elsewhere):
    capsys.readouterr()
    with (elsewhere / "logs" / "run" / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert train(f"{common} --num-epochs 1 --resume auto --save-dir run") == 2
    assert "logs/run: another process is writing there" in capsys.readouterr().err


def test_a_smoke_run_is_of_no_other_run(run, common, capsys):
    assert train(f"{common} --num-epochs 1 --smoke --resume run") == 2
    assert "--smoke tries a run from its start: leave --resume run out" in capsys.readouterr().err


def test_an_interrupted_smoke_run_says_that_nothing_is_kept(common, elsewhere, monkeypatch, capsys):
    from aff.training import run as run_module

    class Asked(run_module.Interruption):
        asked = property(lambda self: 15, lambda self, value: None)

    monkeypatch.setattr(run_module, "Interruption", Asked)
    assert train(f"{common} --num-epochs 1 --smoke") == 143
    assert capsys.readouterr().err.rstrip().endswith("nothing is kept of this run")
    assert not list(elsewhere.iterdir())
