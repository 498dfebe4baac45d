"""``aff predict`` and ``aff features``: images named in every way; tables, files and pictures."""

import csv
import io
import json
import os
import shutil
import sys

import cv2
import numpy as np
import pytest

import aff
from aff.cli.common import image_paths
from aff.cli.common.image_paths import expand, shortened
from aff.utils.report import printable

from ..conftest import PHOTOGRAPH, ROOT
from .conftest import exit_code

OWN = "fashion_mnist_aff_resnet8"
PARAMS = os.path.join(ROOT, "params", f"{OWN}.params")


@pytest.fixture
def photos(elsewhere):
    """A folder with three images, one in a folder of its own, and what is to be left out."""
    (elsewhere / "photos" / "more").mkdir(parents=True)
    (elsewhere / "photos" / ".hidden").mkdir()
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.JPG", "more/c.bmp", ".hidden/x.png", ".y.png"):
        cv2.imwrite(str(elsewhere / "photos" / name), rng.integers(0, 256, (40, 30, 3)))
    (elsewhere / "photos" / "notes.txt").write_text("no image")
    return elsewhere / "photos"


FOUND = ["photos/a.JPG", "photos/b.png", "photos/more/c.bmp"]


def rows_of(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def test_a_table_for_people(photos, capsys):
    shutil.copyfile(PHOTOGRAPH, photos / "hopper.jpg")
    assert exit_code(["predict", "photos/hopper.jpg", PARAMS, "--topk", 3]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = aff.predict(aff.load(PARAMS), PHOTOGRAPH, topk=3)
    assert lines[0] == "photos/hopper.jpg"
    assert lines[1:] == [f"  {100 * one.probability:5.1f} %  {one.name}" for one in expected]


def test_lines_fit_a_terminal(elsewhere, capsys):
    folder = elsewhere / ("long" * 20) / ("folders" * 10)
    folder.mkdir(parents=True)
    shutil.copyfile(PHOTOGRAPH, folder / "hopper.jpg")
    assert exit_code(["predict", ".", PARAMS]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) < 80
    assert out.startswith("./long") and "..." in out
    assert "hopper.jpg\n" in out


@pytest.mark.parametrize(
    "argv, files",
    [
        (["photos"], FOUND),
        (["photos/*.png"], ["photos/b.png"]),
        (["photos/**/*.bmp", "photos/b.png"], ["photos/more/c.bmp", "photos/b.png"]),
        (["photos/b.png", "photos/a.JPG", "photos/b.png"], [FOUND[1], FOUND[0], FOUND[1]]),
    ],
)
def test_files_folders_and_patterns(photos, argv, files):
    assert exit_code(["predict", *argv, PARAMS, "--topk", 1, "--out", "it.csv"]) == 0
    assert [row["path"] for row in rows_of("it.csv")] == files


def test_a_list_on_standard_input(photos, monkeypatch):
    text = io.TextIOWrapper(io.BytesIO(b"photos/b.png\n\nphotos/more/c.bmp"))
    monkeypatch.setattr(sys, "stdin", text)
    assert exit_code(["predict", "-", PARAMS, "--topk", 1, "--out", "it.csv"]) == 0
    assert [row["path"] for row in rows_of("it.csv")] == FOUND[1:]


def test_csv_json_and_jsonl_say_the_same(photos, capsys):
    for name in ("it.csv", "it.json", "it.jsonl"):
        assert exit_code(["predict", "photos", PARAMS, "--topk", 2, "--out", name]) == 0
        assert capsys.readouterr().out == f"wrote {name}: 3 images\n"
    listed = json.loads((photos.parent / "it.json").read_text())
    lines = (photos.parent / "it.jsonl").read_text().splitlines()
    assert list(map(json.loads, lines)) == listed
    assert [image["path"] for image in listed] == FOUND
    rows = rows_of("it.csv")
    assert list(rows[0]) == ["path", "rank", "label", "name", "probability"]
    flat = [
        (image["path"], rank, found["label"], found["name"], found["probability"])
        for image in listed
        for rank, found in enumerate(image["predictions"], 1)
    ]
    keys = ("path", "rank", "label", "name", "probability")
    assert [tuple(row[key] for key in keys) for row in rows] == [tuple(map(str, r)) for r in flat]


def test_results_do_not_depend_on_threads_or_where_flags_stand(photos):
    written = set()
    for threads in (0, 3):
        argv = ["predict", "-j", threads, "photos/b.png", PARAMS, "--out", "it.json", "photos"]
        assert exit_code(argv) == 0
        written.add((photos.parent / "it.json").read_text())
    assert len(written) == 1


def test_unusual_names_survive(photos, capsys):
    names = [b'com,ma "quoted".png', b"li\nne.png", b"\xff\xfe.png", b"{a}.png"]
    paths = [os.path.join("photos", os.fsdecode(name)) for name in names]
    for path in paths:
        shutil.copyfile("photos/b.png", path)
    for out in ("it.csv", "it.json"):
        assert exit_code(["predict", *paths, PARAMS, "--topk", 1, "--out", out]) == 0
    assert [row["path"] for row in rows_of("it.csv")] == paths
    listed = json.loads((photos.parent / "it.json").read_text())
    assert [image["path"] for image in listed] == paths
    capsys.readouterr()
    assert exit_code(["predict", *paths, PARAMS, "--topk", 1]) == 0
    shown = capsys.readouterr().out
    shown.encode()
    assert len(shown.splitlines()) == 2 * len(paths) and "photos/{a}.png\n" in shown
    assert exit_code(["features", *paths, PARAMS]) == 0
    assert np.load("features.npz")["paths"].tolist() == paths


def test_images_that_cannot_be_read_are_named_and_left_out(photos, capsys):
    with open(PHOTOGRAPH, "rb") as file:
        (photos / "aa{x}.jpg").write_bytes(file.read(30000))
    assert exit_code(["predict", "photos", PARAMS, "--topk", 1, "--out", "it.csv"]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "photos/aa{x}.jpg: cannot be decoded" in said.err
    assert said.out == "wrote it.csv: 3 images, 1 left out that cannot be read\n"
    assert [row["path"] for row in rows_of("it.csv")] == FOUND
    assert exit_code(["features", "photos", PARAMS]) == 1
    assert np.load("features.npz")["paths"].tolist() == FOUND


@pytest.mark.parametrize("command", ["predict", "features"])
def test_where_nothing_can_be_read_nothing_is_written(photos, command, capsys):
    out = {"predict": "it.csv", "features": "it.npz"}[command]
    assert exit_code([command, "photos/notes.txt", PARAMS, "--out", out]) == 2
    assert "none of 1 files can be read" in capsys.readouterr().err
    assert not os.path.exists(out)


def test_an_interruption_leaves_nothing_behind(photos, monkeypatch, capsys):
    (photos.parent / "it.csv").write_text("before")
    read, calls = image_paths.read_image, []

    def interrupted(path):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(image_paths, "read_image", interrupted)
    argv = ["predict", "photos", PARAMS, "-j", 0, "--batch-size", 1, "--out", "it.csv"]
    assert exit_code(argv) == 130
    assert (photos.parent / "it.csv").read_text() == "before"
    assert sorted(os.listdir()) == ["it.csv", "photos"]


@pytest.mark.parametrize(
    "argv, named",
    [
        (["photos"], "name the network"),
        ([PARAMS], "name images"),
        (["photos", PARAMS, OWN], "say which one by --params"),
        (["photos", PARAMS, "--out", "it.xls"], "--out it.xls: the file's name ends in .csv"),
        (["photos", PARAMS, "--out", "none/it.csv"], "no folder none"),
        (["photos", PARAMS, "--montage", "it.jpg"], "--montage it.jpg"),
        (["photos/nothing*", PARAMS], "photos/nothing*: matches no file"),
        (["photos/none.png", PARAMS], "photos/none.png: no such file"),
        (["photos/.hidden/..", "photos/none", PARAMS], "photos/none: no such file"),
        (["photos/empty", PARAMS], "photos/empty: no images there"),
        (["photos", "--params", "photos"], "holds no best.params"),
        (["photos", "--params", PARAMS, "--topk", "0"], "--topk"),
        (["photos", PARAMS, "--root", "x"], "--root"),
    ],
)
def test_mistakes(photos, argv, named, capsys):
    (photos / "empty").mkdir()
    assert exit_code(["predict", *argv]) == 2
    errors = capsys.readouterr().err
    assert named in errors and errors.count("\n") == 1
    assert os.listdir() == ["photos"]


def test_a_name_that_is_a_file_too_is_ambiguous(photos, capsys):
    (photos.parent / OWN).mkdir()
    assert exit_code(["predict", "photos", OWN]) == 2
    error = capsys.readouterr().err
    assert f"./{OWN}" in error and error.count("\n") == 1


def test_a_montage_holds_the_images_and_says_what_it_leaves_out(photos, capsys):
    shutil.copyfile(PHOTOGRAPH, photos / "hopper.jpg")
    assert exit_code(["predict", "photos", PARAMS, "--montage", "it.png"]) == 0
    assert "wrote it.png: 4 images\n" in capsys.readouterr().out
    picture = cv2.imread("it.png")
    assert min(picture.shape[:2]) > 300
    paths = ["photos/b.png"] * 70
    assert exit_code(["predict", *paths, PARAMS, "--montage", "it.png", "--out", "it.csv"]) == 0
    assert "the first 64 of 70 images" in capsys.readouterr().out
    assert len(rows_of("it.csv")) == 350


def test_features_are_the_predictors(photos, capsys):
    assert exit_code(["features", "photos", PARAMS, "--out", "it.npz"]) == 0
    assert capsys.readouterr().out == "wrote it.npz: 3 images, vectors of 64\n"
    found = np.load("it.npz")
    predictor = aff.load(PARAMS)
    expected = predictor.features(predictor.prepare(FOUND))
    assert found["features"].dtype == np.float32
    np.testing.assert_allclose(found["features"], expected, rtol=1e-4, atol=1e-5)
    assert found["paths"].tolist() == FOUND
    assert found["class_names"].tolist() == predictor.class_names
    described = json.loads(str(found["description"]))
    assert described["network"]["kwargs"]["fusion"] == "ASKCFuse"
    assert exit_code(["features", "photos", PARAMS, "--out", "it.npy"]) == 2


def test_an_exported_network_predicts_and_has_no_features(photos, capsys):
    assert exit_code(["export", PARAMS, "--to", "symbol", "--no-check"]) == 0
    for network, out in ((PARAMS, "a.csv"), (f"exports/{OWN}-symbol.json", "b.csv")):
        assert exit_code(["predict", "photos", network, "--out", out]) == 0
    ours, theirs = rows_of("a.csv"), rows_of("b.csv")
    assert [row["label"] for row in ours] == [row["label"] for row in theirs]
    capsys.readouterr()
    assert exit_code(["features", "photos", f"exports/{OWN}-symbol.json"]) == 2
    assert "gives logits alone" in capsys.readouterr().err


def test_what_a_terminal_shows_of_a_name():
    assert printable("grün.png") == "grün.png"
    assert printable("a\nb\udcff") == "a\\nb\\udcff"
    assert shortened("abcdefghij", 7) == "ab...ij"
    assert shortened("abc", 3) == "abc"


def test_folders_that_point_to_themselves_end(photos):
    (photos / "again").symlink_to(photos)
    assert expand(["photos"]) == FOUND
