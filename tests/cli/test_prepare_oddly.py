"""``aff prepare`` where a disk is full, names are odd, and words stand in another order."""

import os
import shutil

import cv2
import numpy as np
import pytest

from aff.utils.json_file import read_json

from ..conftest import run_python
from .conftest import exit_code

FULL = """
import resource, signal, sys
from aff.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(["prepare", *sys.argv[2:]]))
"""


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_a_full_disk_leaves_nothing_behind(data, elsewhere, share):
    """Also where the last bytes alone find no room, which mxnet's writer does not notice."""
    assert exit_code(["prepare", data, "whole"]) == 0
    room = int(share * os.path.getsize("whole/train.rec"))
    finished = run_python("-c", FULL, str(room), str(data), str(elsewhere / "out"))
    assert finished.returncode == 2
    assert "train.rec: cannot be written whole: make room" in finished.stderr
    assert finished.stderr.count("\n") == 1 and not os.path.exists("out/train.rec")
    assert exit_code(["prepare", data, "out"]) == exit_code(["prepare", "out", "--verify"]) == 0


def test_folders_may_stand_on_both_sides_of_a_flag(data, elsewhere):
    assert exit_code(["prepare", data, "--resize", 30, "out"]) == 0
    assert exit_code(["prepare", "--verify", "out"]) == 0


def test_a_name_with_a_line_break_has_one_line_of_the_list(data, elsewhere):
    shutil.copytree(data / "train", "images/train")
    place = next((elsewhere / "images" / "train").iterdir())
    next(place.iterdir()).rename(place / "a\nb.jpg")
    assert exit_code(["prepare", "images", "out"]) == 0
    assert len((elsewhere / "out" / "train.lst").read_text().splitlines()) == 9


def test_records_of_another_program_are_left_alone(data, elsewhere, capsys):
    """As im2rec's, at the place where training looks for them."""
    foreign = elsewhere / "out" / "val.rec"
    foreign.parent.mkdir()
    foreign.write_bytes(b"of years")
    assert exit_code(["prepare", data, "out"]) == 2
    assert "out/val.rec: is there already, and was not made by" in capsys.readouterr().err
    assert foreign.read_bytes() == b"of years"
    foreign.unlink()
    assert exit_code(["prepare", data, "out"]) == 0


def test_what_is_too_wide_for_jpeg_is_left_out(data, elsewhere):
    shutil.copytree(data, "images")
    place = next((elsewhere / "images" / "train").iterdir())
    cv2.imwrite(str(place / "strip.png"), np.zeros((500, 66_000), np.uint8))
    assert exit_code(["prepare", "images", "out", "--resize", 499]) == 0
    left_out = read_json("out/manifest.json")["train"]["left_out"]
    assert left_out == [f"{place.name}/strip.png"]
