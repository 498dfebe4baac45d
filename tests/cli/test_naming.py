"""The commands that take parameters take them by the same names."""

import os
import re
import shutil

import pytest

from ..conftest import ROOT
from .conftest import QUICK, exit_code, train

PUBLISHED = os.path.join(ROOT, "params", "fashion_mnist_aff_resnet8.params")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on digits."""
    root = tmp_path_factory.mktemp("run")
    folders = f"--save-dir {root / 'digits'} --logging-dir {root / 'logs'}"
    assert train(f"{QUICK} --num-epochs 1 --batch-size 64 --val-split 0.9 {folders}") == 0
    return root / "digits"


def test_evaluate_takes_a_run_by_its_folder_file_and_checkpoint(run, elsewhere, capsys):
    counts = set()
    checkpoint = next(path for path in run.iterdir() if path.is_dir())
    for argv in ([run], ["--params", run], [run / "best.params"], [checkpoint]):
        assert exit_code(["evaluate", *argv]) == 0
        counts.add(re.search(r"(\d+) of 359 wrong", capsys.readouterr().out).group(0))
    assert len(counts) == 1


def test_export_and_cam_take_a_runs_folder(run, elsewhere, capsys):
    assert exit_code(["export", run, "--to", "symbol", "--no-check"]) == 0
    assert "digits-symbol.json" in capsys.readouterr().out
    assert exit_code(["cam", "--params", run, "--index", 0]) == 0


def test_a_copy_of_a_published_file_needs_no_flags(elsewhere, capsys):
    shutil.copyfile(PUBLISHED, "copy.params")
    assert exit_code(["export", "copy.params", "--to", "symbol", "--no-check"]) == 0
    assert "copy-symbol.json" in capsys.readouterr().out


def test_what_names_no_parameters(run, elsewhere, capsys):
    for argv, named in (
        (["evaluate", "."], "holds no best.params"),
        (["evaluate", run / "settings.json"], f"--params {run / 'settings.json'}"),
        (["evaluate", run, "--root", "x"], "--root"),
        (["export", "--to", "onnx", "aff_resnet51"], "did you mean"),
    ):
        assert exit_code(argv) == 2
        errors = capsys.readouterr().err
        assert named in errors and errors.count("\n") == 1
