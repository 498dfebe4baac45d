"""``--tensorboard`` in both scripts, and what of the recipe ``--summary`` says."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

import aff
from aff.cli.common.spellings import spelling_of
from aff.training.event_file import event_files, read_events
from aff.training.fields_files import AUTO
from aff.training.recipe_lines import recipe_lines
from aff.utils.errors import spell

from ..conftest import ROOT
from ..training.event_reading import read_back, without_speed
from .conftest import QUICK, QUICK_IMAGENET, config_of, train, train_imagenet, trained_in

TODAY = (
    "--cutmix-alpha 1 --rand-aug 2 9 --random-erasing 0.2 --model-ema 0.999 --grad-accum-steps 2 "
    "--clip-grad 1 --optimizer adamw --early-stop 9 --label-smoothing 0.2"
)


@pytest.fixture(scope="module")
def common(small):
    return f"{small} --fusion DirectAdd --batch-size 10 --lr 0.05 --save-period 0 --num-epochs 1"


@pytest.fixture(scope="module")
def trained(common, tmp_path_factory):
    """A folder with a run of six steps in ``run``, shown in ``logs/run/tensorboard``."""
    flags = "--save-dir run --log-interval 2 --tensorboard"
    return trained_in(tmp_path_factory.mktemp("trained"), f"{common} {flags}")


@pytest.fixture
def run(trained, elsewhere):
    """A copy of that run."""
    for name in ("run", "logs"):
        shutil.copytree(trained / name, elsewhere / name)
    return elsewhere


def test_figures_are_in_the_folder_of_the_logs(trained):
    found = read_back(trained / "logs" / "run" / "tensorboard")
    assert [step for step, _ in found.scalars["step/loss"]] == [2, 4, 6]
    assert "epoch/test_top1_error" in found.scalars and "images/train" in found.images
    assert "session_end_info" in found.hparams


@pytest.mark.numeric
def test_image_files_are_shown_too(photos, folders, elsewhere):
    flags = "--num-epochs 1 --save-dir run --tensorboard board/of/mine --log-interval 1"
    assert train_imagenet(f"{folders} {photos} {QUICK_IMAGENET} {flags}") == 0
    found = read_back(elsewhere / "board" / "of" / "mine")
    assert [step for step, _ in found.scalars["step/loss"]] == [1, 2]
    assert "epoch/val_top1_error" in found.scalars and "images/train" in found.images
    assert not (elsewhere / "logs" / "run" / "tensorboard").exists()


def last_step(board):
    """The last step that is shown in a folder to which a run is writing."""
    steps = [0]
    with contextlib.suppress(aff.InputError):  # it is being renamed
        for path in event_files(str(board)):
            for event, _ in read_events(path):
                if any(value.tag.startswith("step/") for value in event.summary.value):
                    steps.append(event.step)
    return steps[-1]


@pytest.mark.slow
@pytest.mark.numeric
def test_a_run_that_the_system_kills_shows_each_point_once(tmp_path):
    command = [
        *(sys.executable, f"{ROOT}/train_cifar.py", *QUICK.split(), "--batch-size", "64"),
        *("--num-epochs", "3", "--no-mixup", "--lr", "0.05", "--save-minutes", "0.005"),
        *("--tensorboard", "--log-interval", "2", "--save-dir", "run", "--resume", "auto"),
    ]
    boards = [tmp_path / name / "logs" / "run" / "tensorboard" for name in ("whole", "killed")]
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    subprocess.run(command, cwd=tmp_path / "whole", capture_output=True, check=True)
    for step in (4, 20, 30, 62):  # of 66
        process = subprocess.Popen(command, cwd=tmp_path / "killed", stdout=subprocess.DEVNULL)
        while process.poll() is None and last_step(boards[1]) < step:
            time.sleep(0.05)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    subprocess.run(command, cwd=tmp_path / "killed", capture_output=True, check=True)
    whole, killed = map(read_back, boards)
    assert without_speed(killed.scalars) == without_speed(whole.scalars)
    assert (killed.images, killed.hparams) == (whole.images, whole.hparams)


@pytest.mark.parametrize("where", ["", "board"])
def test_a_smoke_run_keeps_nothing(common, elsewhere, where):
    assert train(f"{common} --smoke --tensorboard {where}") == 0
    assert not list(elsewhere.iterdir())


def occupied(run):
    """What no run may have as its folder for TensorBoard, by its name."""
    (run / "file").touch()
    (run / "nowhere").symlink_to(run / "gone")
    (run / "theirs").mkdir()
    (run / "theirs" / "events.out.tfevents.1700000000.there").write_bytes(b"precious")
    (run / "linked").mkdir()
    (run / "linked" / "events.out.tfevents.1700000000.there").symlink_to(run / "file")


def files_of(folder):
    """All that is in a folder, files with the time of their last change."""
    return {path: path.is_dir() or path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["file", "nowhere", "theirs", "linked", "logs/run/tensorboard"])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_folder_that_is_not_for_this_run(run, common, name, resumed, capsys):
    occupied(run)
    before = files_of(run)
    flags = "run --resume auto" if resumed else "new"
    if resumed and name.startswith("logs"):
        flags = "other/run --logging-dir logs/other"
    capsys.readouterr()
    assert train(f"{common} --save-dir {flags} --tensorboard {name}") == 2
    error = capsys.readouterr().err
    assert name in error and error.count("\n") == 1
    assert files_of(run) == before
    assert (run / "theirs" / "events.out.tfevents.1700000000.there").read_bytes() == b"precious"


def test_a_folder_that_cannot_be_written_to(elsewhere, common, monkeypatch, capsys):
    (elsewhere / "board").mkdir()
    there = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != "board" and there(path, mode))
    assert train(f"{common} --save-dir new --tensorboard board") == 2
    assert "board: files cannot go there" in capsys.readouterr().err
    assert [path.name for path in elsewhere.iterdir()] == ["board"]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_is_written_through_a_link_nor_waited_for(run, common, kind, capsys):
    board = run / "logs" / "run" / "tensorboard"
    (path,) = board.glob("*tfevents*")
    path.unlink()
    (run / "precious").write_text("precious")
    path.symlink_to(run / "precious") if kind == "link" else os.mkfifo(path)
    capsys.readouterr()
    assert train(f"{common} --save-dir run --resume auto --tensorboard") == 2
    assert f"{path.name}: cannot be written to" in capsys.readouterr().err
    assert (run / "precious").read_text() == "precious"


@pytest.mark.parametrize("script", ["cifar", "imagenet"])
def test_the_flag_needs_no_value(script):
    assert config_of(script, ["--tensorboard"]).tensorboard == AUTO
    assert config_of(script, ["--tensorboard", "board", "--seed", "1"]).tensorboard == "board"
    assert config_of(script, []).tensorboard is None


@pytest.mark.parametrize("script, start", [("cifar", train), ("imagenet", train_imagenet)])
def test_a_summary_says_what_is_on(script, start, capsys):
    flags = f"{TODAY} --num-epochs 10 " + ("--mixup" if script == "imagenet" else "")
    assert start(f"--summary {flags}") == 0
    said = capsys.readouterr().out.splitlines()
    lines = recipe_lines(config_of(script, shlex.split(flags)))
    assert len(lines) == 11
    assert said[-11:] == [spell(line, spelling_of(script)) for line in lines]
    if script == "cifar":
        assert "all 10 epochs are among the last 20 (--mixup-off-epoch)" in said[-10]
    assert start("--summary") == 0
    usual = capsys.readouterr().out
    assert ("mixup     alpha 1 in epochs 0 to 379" in usual) == (script == "cifar")
    assert "randaug" not in usual
