"""Names that are not UTF-8, as another system's files have them: each command takes them, or says
that it does not.
"""

import contextlib
import io
import json
import os
import shutil

import pytest

from ..conftest import PHOTOGRAPH
from .conftest import QUICK, exit_code, trained_in

NAME = os.fsdecode(b"\xff-\xc3\xa9-\x80")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in a folder of such a name."""
    root = trained_in(
        tmp_path_factory.mktemp("run"), f"{QUICK} --fusion DirectAdd --num-epochs 1 --save-dir run"
    )
    os.rename(root / "run", root / NAME)
    return root / NAME


@pytest.fixture
def photo(elsewhere):
    shutil.copy(PHOTOGRAPH, elsewhere / f"{NAME}.jpg")
    return f"{NAME}.jpg"


@pytest.mark.parametrize(
    "argv",
    [
        ["check", "{run}"],
        ["evaluate", "{run}"],
        ["predict", "{run}", "{photo}", "--out", f"{NAME}.csv"],
        ["features", "{run}", "{photo}", "--out", f"{NAME}.npz"],
        ["vectors", NAME],
    ],
)
def test_names_are_said(argv, run, photo):
    given = [part.format(run=run, photo=photo) for part in argv]
    output = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict", write_through=True)
    with contextlib.redirect_stdout(output):
        assert exit_code(given) == 0
    assert b"\\udcff" in output.buffer.getvalue()


@pytest.mark.parametrize(
    "argv",
    [
        ["prepare", ".", NAME],
        ["export", "fashion_mnist_aff_resnet8", "--to", "symbol", "--out", NAME],
        ["experiment", "--logs", NAME],
    ],
)
def test_where_mxnet_writes_names_are_utf8(argv, elsewhere, capsys):
    assert exit_code(argv) == 2
    assert "takes a name in UTF-8" in capsys.readouterr().err
    assert os.listdir() == []


def test_what_an_export_says_of_its_origin_can_be_read(run, elsewhere, capsys):
    assert exit_code(["export", run, "--to", "symbol", "--out", "out", "--no-check"]) == 0
    assert exit_code(["predict", next(elsewhere.glob("out/*-symbol.json")), PHOTOGRAPH]) == 0


def test_images_are_packed_under_their_names(photo, capsys):
    os.makedirs("photos/train/a")
    os.rename(photo, f"photos/train/a/{photo}")
    with open(f"photos/train/a/x{photo}", "w") as file:
        file.write("no image")
    assert exit_code(["prepare", "photos", "packed"]) == 0
    assert exit_code(["prepare", "--verify", "packed"]) == 0
    with open("packed/train.lst", "rb") as file:
        assert os.fsencode(photo) in file.read()
    with open("packed/manifest.json") as file:
        assert json.load(file)["train"]["left_out"] == ["a/x\\udcff-é-\\udc80.jpg"]


def test_a_class_has_a_name_in_utf8(photo, capsys):
    for name in ("a", NAME):
        os.makedirs(f"photos/train/{name}")
        shutil.copy(photo, f"photos/train/{name}")
    train = f"train-cifar {QUICK} --dataset folder --data-dir photos --val-split 0.5 --save-dir run"
    for argv in (["prepare", "photos", "packed"], train.split()):
        assert exit_code(argv) == 2
        assert "a class: takes a name in UTF-8" in capsys.readouterr().err
    assert not os.path.exists("packed") and not os.path.exists("run")
