"""The grid of runs: skipped where done, gone on with where interrupted."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from aff.cli import experiment
from aff.cli.main import main
from aff.paper.experiment import EXPERIMENTS, Arm, Cell
from aff.paper.hosts import SCENES
from aff.paper.outcome import outcome

from ..conftest import write_idx
from ..data.masked import write_scenes
from .conftest import COMMANDS, config_of

SHORT = (
    *("--num-epochs", "1", "--batch-size", "16", "--lr", "0.1", "--cosine", "--no-mixup"),
    *("--val-split", "0.1"),
)
CELLS = [Cell(Arm("DirectAdd"), 1, 0, SHORT), Cell(Arm("ASKCFuse", 2), 1, 0, SHORT)]
EVERY = pytest.mark.parametrize(
    "name, count", [("ablation", 40), ("tenth", 25), ("scenes", 21), ("inception", 21)]
)


@pytest.fixture
def fashion(elsewhere):
    """Fashion-MNIST's files, of few images."""
    rng = np.random.default_rng(0)
    (elsewhere / "data").mkdir()
    for part, count in (("train", 64), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28))
        write_idx(elsewhere / "data" / f"{part}-images-idx3-ubyte", images)
        write_idx(elsewhere / "data" / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return elsewhere


def run(*arguments):
    return main(["experiment", "--data-dir", "data", *arguments])


@EVERY
def test_the_grid_is_whole(name, count):
    one = EXPERIMENTS[name]
    cells = one.cells()
    assert len(cells) == len({cell.name for cell in cells}) == count
    assert {(cell.seed, cell.blocks) for cell in cells[: len(one.arms)]} == {(0, one.blocks[0])}
    assert {c for arm in one.arms for b in one.blocks for c in one.cells_of(arm, b)} == set(cells)


@EVERY
def test_every_run_is_one_of_the_script(name, count):
    for cell in EXPERIMENTS[name].cells():
        kind = next(kind for kind, name in COMMANDS.items() if name == cell.host.command)
        config = config_of(kind, [*cell.flags("params", "logs"), *cell.host.data(None)])
        assert config.model.endswith(
            (f"resnet{6 * cell.blocks + 2}_askc", f"inception{3 * cell.blocks + 2}_askc")
        )
        model, kwargs = cell.network
        classes = {"classes": cell.host.classes}  # which scenes say when they are read
        assert config.model == model
        assert {"channel_times": 1, **config.model_kwargs, **classes} == {
            "channel_times": 1,
            **kwargs,
        }
        assert config.seed == cell.seed
        assert config.val_split == 0.1
        assert not config.mixup
        assert config.lr_mode == "cosine"


def test_runs_are_made_once(fashion, monkeypatch, capsys):
    monkeypatch.setattr(experiment, "cells_of", lambda name: CELLS)
    assert run("--jobs", "2") == 0
    said = capsys.readouterr().out
    assert said.startswith("0 of 2 runs are there\n")
    for number, cell in enumerate(CELLS, 1):
        assert f"{number} of 2 starts: {cell.name}\n" in said
        found = cell.outcome(str(fashion / "logs" / "ablation"))
        assert f"{cell.name}: test error {100 * found['test_error']:.2f} %" in said
        assert (fashion / "params" / "ablation" / cell.name / "best.params").exists()
    assert run("--jobs", "2") == 0
    assert capsys.readouterr().out == "2 of 2 runs are there\n"


def test_runs_on_scenes_are_evaluated_by_size(elsewhere, monkeypatch, capsys):
    write_scenes(elsewhere / "scenes", train=20, test=3, size=32, scales=(6, 30))
    small = replace(SCENES, flags=("--crop-size", "32", "--scale", "1", "1"))
    schedule = ("--num-epochs", "1", "--batch-size", "6", "--val-split", "0.1")
    cell = Cell(Arm("DirectAdd"), 1, 0, schedule, small)
    monkeypatch.setattr(experiment, "cells_of", lambda name: [cell])
    assert main(["experiment", "scenes", "--jobs", "1"]) == 0
    folder = elsewhere / "logs" / "scenes" / cell.name
    found = outcome(str(folder), small)
    assert f"mIoU {100 * found['test_miou']:.2f} %" in capsys.readouterr().out
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["miou"] == pytest.approx(found["test_miou"])
    assert {size: part["miou"] for size, part in evaluation["sizes"].items()} == {
        size: found[size] for size in ("small", "middle", "large")
    }
    assert sum(part["pixels"] for part in evaluation["sizes"].values()) == 3 * 32 * 32
    assert main(["experiment", "scenes"]) == 0
    assert capsys.readouterr().out == "1 of 1 runs are there\n"
    (folder / "evaluation.json").unlink()
    assert outcome(str(folder), small) is None


def test_a_run_that_a_stop_leaves_unevaluated_is_none_that_failed(capsys):
    """Its evaluation is made when the grid goes on."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    running = {CELLS[0]: (process, ["python", "-m", "aff", "evaluate"])}
    assert experiment.follow(running, 1, "logs", stopping=True) == 0
    assert not running
    said = capsys.readouterr()
    assert said.out == f"{CELLS[0].name}: is trained, and still to be evaluated\n"
    assert not said.err


def test_a_log_that_is_none_ends_no_other_run(fashion, monkeypatch, capsys):
    """Of a run whose parameters stayed where its log was moved away."""
    monkeypatch.setattr(experiment, "cells_of", lambda name: CELLS)
    assert run("--jobs", "2") == 0
    for cell in CELLS:
        (fashion / "logs" / "ablation" / cell.name).rename(fashion / cell.name)
    assert run("--jobs", "2") == 1
    errors = capsys.readouterr().err
    for cell in CELLS:
        assert f"{cell.name}: logs/ablation/{cell.name}/train.jsonl: has no scores of its" in errors
        for kind in ("logs", "params"):
            shutil.rmtree(fashion / kind / "ablation" / cell.name)
    assert "and the one of its parameters, and it is run again" in errors
    assert run("--jobs", "2") == 0


@pytest.mark.parametrize("runs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_that_fails_is_named(fashion, runs, monkeypatch, capsys):
    large = (*SHORT, "--batch-size", "500")
    cells = [replace(cell, schedule=large) for cell in CELLS[:runs]]
    monkeypatch.setattr(experiment, "cells_of", lambda name: cells)
    assert run("--jobs", "1") == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == runs + 1
    assert errors[0].startswith("b1-DirectAdd-seed0: ")
    assert "a batch of 500" in errors[0]
    assert f"{runs} runs did not come to their end" in errors[-1]


PROGRAM = """
import sys
from aff.cli import experiment, main
from aff.paper.experiment import Arm, Cell
experiment.cells_of = lambda name: [Cell(Arm("ASKCFuse"), b, 0, {schedule!r}) for b in (2, 1)]
raise SystemExit(main.main(["experiment", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_an_interrupted_grid_is_saved(fashion, monkeypatch, capsys):
    schedule = ("--num-epochs", "400", "--batch-size", "16", "--lr", "0.01", "--cosine")
    program = PROGRAM.format(schedule=(*schedule, "--no-mixup", "--val-split", "0.1"))
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--data-dir", "data", "--jobs", "1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    log = fashion / "logs" / "ablation" / "b2-ASKCFuse-seed0" / "train.jsonl"
    for _ in range(600):
        if log.exists() and '"epoch"' in log.read_text():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert "all is saved" in errors
    assert errors.rstrip().endswith("the runs are saved: go on with the same command")
    last = json.loads(log.read_text().splitlines()[-1])
    assert (last["event"], last["signal"]) == ("stop", "SIGTERM")
    assert not (fashion / "logs" / "ablation" / "b1-ASKCFuse-seed0").exists()


@EVERY
def test_commands_are_printed(name, count, fashion, capsys):
    assert run(name, "--print") == 0
    lines = capsys.readouterr().out.splitlines()
    host = EXPERIMENTS[name].host
    runs = [line for line in lines if line.startswith(f"python -m aff {host.command} ")]
    assert len(runs) == count
    assert all(f"--logging-dir logs/{name}/b" in line for line in runs)
    others = [line for line in lines if line not in runs]
    assert all(line.startswith("python -m aff evaluate params/scenes/b") for line in others)
    assert len(others) == (count if host.evaluated else 0)
    assert not (fashion / "logs").exists()


def test_an_unknown_experiment(fashion, capsys):
    assert run("scene") == 2
    assert "did you mean 'scenes'" in capsys.readouterr().err


def test_torn_lines_are_left_out(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"event": "epoch", "epo\n7\n')
    assert outcome(str(tmp_path)) is None
    assert outcome(str(tmp_path / "nowhere")) is None
