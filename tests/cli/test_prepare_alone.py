"""``aff prepare`` has its folder for itself."""

import os
import subprocess
import sys

import pytest

from ..conftest import ROOT
from .conftest import exit_code, held_by_another


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_folder_that_another_process_packs_is_refused(data, out, capsys):
    out.mkdir()
    with held_by_another(out):
        assert exit_code(["prepare", data, out]) == 2
        error = capsys.readouterr().err
        assert f"{out}: process 1 on another " in error and "another OUT" in error
    assert os.listdir(out) == [".lock"]
    assert exit_code(["prepare", data, out, "--verify"]) == 0
    assert not (out / ".lock").exists()


@pytest.mark.slow
def test_two_processes_pack_one_folder(data, out):
    command = [sys.executable, "-m", "aff", "prepare", str(data), str(out), "--resize", "32"]
    both = [
        subprocess.Popen([*command, "--seed", str(seed)], cwd=ROOT, stderr=subprocess.DEVNULL)
        for seed in (1, 2)
    ]
    assert sorted({process.wait(timeout=120) for process in both}) in ([0], [0, 2])
    assert exit_code(["prepare", out, "--verify"]) == 0


def test_nothing_is_packed_through_a_link(data, out, tmp_path):
    out.mkdir()
    (tmp_path / "precious").write_text("precious")
    for ending in (".rec", ".idx", ".lst"):
        (out / f".train{ending}.tmp").symlink_to(tmp_path / "precious")
    assert exit_code(["prepare", data, out]) == 0
    assert (tmp_path / "precious").read_text() == "precious"
