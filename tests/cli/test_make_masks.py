"""``aff make-masks``: a folder that trains, of COCO's annotations."""

import json
import os
import shutil
import sys

import cv2
import numpy as np
import pytest

from aff.data.mask_folders import mask_parts

from ..data.test_coco import SIZE, annotation, rectangle, write
from .conftest import exit_code, held_by_another

pytest.importorskip("pycocotools.mask")


@pytest.fixture
def annotations(tmp_path):
    """Two images, one of a stop sign, one of a dog and a stop sign."""
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(tmp_path / "photos" / name), np.full((*SIZE, 3), 99, np.uint8))
    one, other = rectangle(1, 1, 9, 9)[0], rectangle(10, 2, 25, 18)[0]
    objects = [annotation([one]), annotation([one], image=11), annotation([other], 7, image=11)]
    return write(tmp_path / "instances.json", objects)


@pytest.fixture
def make(annotations, tmp_path):
    def run(*more):
        images = tmp_path / "photos"
        return exit_code(["make-masks", annotations, tmp_path / "out", "--images", images, *more])

    return run


def test_the_folder_is_one_of_images_and_masks(make, tmp_path, capsys):
    out = tmp_path / "out"
    assert make() == make("--part", "val") == 0
    parts = mask_parts(str(out))
    assert {part: len(masks) for part, masks in parts.items()} == {"train": 2, "val": 2}
    assert parts["train"].classes == ["background", "stop sign", "dog"]
    expected = rectangle(1, 1, 9, 9)[1] + 2 * rectangle(10, 2, 25, 18)[1]
    pixels, labels = parts["train"].read(0)
    np.testing.assert_array_equal(labels, expected)
    assert (np.abs(pixels.astype(int) - 99) <= 2).all()
    manifest = json.loads((out / "manifest.json").read_text())
    counts = parts["train"].count_pixels()[[0, 1, 2, 255]].tolist()
    assert list(manifest["parts"]["train"]["pixels"].values()) == counts
    capsys.readouterr()
    assert make() == 0
    assert "done already" in capsys.readouterr().out


def test_one_class_of_several(make, tmp_path):
    assert make("--classes", "dog") == 0
    assert os.listdir(tmp_path / "out" / "train" / "images") == ["a.jpg"]
    assert (tmp_path / "out" / "classes.txt").read_text() == "background\ndog\n"
    assert make("--classes", "stop sign", "dog") == 2
    assert make("--classes", "cat") == 2


def test_images_that_are_not_as_they_should_be_are_left_out(make, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "photos" / "a.jpg"), np.zeros((5, 5, 3), np.uint8))
    assert make() == 0
    assert "a.jpg" in capsys.readouterr().out
    assert os.listdir(tmp_path / "out" / "train" / "masks") == ["b.png"]
    os.remove(tmp_path / "photos" / "b.jpg")
    assert make("--part", "val") == 2
    assert str(tmp_path / "photos") in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path / "out")) == ["classes.txt", "manifest.json", "train"]


def test_images_that_were_missing_are_taken_when_the_part_is_made_anew(make, tmp_path, capsys):
    photos, out = tmp_path / "photos", tmp_path / "out"
    (photos / "a.jpg").rename(photos / "later.jpg")
    assert make() == make() == 0
    assert "now" not in capsys.readouterr().out
    (photos / "later.jpg").rename(photos / "a.jpg")
    assert make() == 0
    said = capsys.readouterr().out
    assert "done already" in said and f"1 of these could be taken now: remove {out}/train" in said
    shutil.rmtree(out / "train")
    assert make() == 0
    assert sorted(os.listdir(out / "train" / "images")) == ["a.jpg", "b.jpg"]
    assert json.loads((out / "manifest.json").read_text())["parts"]["train"]["left_out"] == []


@pytest.mark.parametrize("name", ["background", "ignored"])
def test_classes_that_are_called_as_no_class_is(name, make, tmp_path, capsys):
    polygons = [rectangle(1, 1, 9, 9)[0]]
    objects = [annotation(polygons, *of) for of in ((3, 10), (7, 10), (7, 11))]
    write(tmp_path / "instances.json", objects, categories=((3, name), (7, "dog")))
    for flags in ([], ["--classes", name]):
        assert make(*flags) == 2
        said = capsys.readouterr().err
        assert "instances.json" in said and name in said and "--classes" in said
        assert said.count("\n") == 1 and not (tmp_path / "out").exists()
    assert make("--classes", "dog") == 0
    assert mask_parts(str(tmp_path / "out"), 0.5)["train"].classes == ["background", "dog"]


def test_others_are_left_alone(make, tmp_path, annotations, capsys):
    out = tmp_path / "out"
    out.mkdir()
    with held_by_another(out):
        assert make() == 2
    (out / ".lock").unlink()
    (out / "letters.txt").write_text("dear")
    assert make() == 2
    assert os.listdir(out) == ["letters.txt"]
    (out / "letters.txt").unlink()
    assert make() == 0
    write(tmp_path / "instances.json", [annotation([rectangle(1, 1, 9, 9)[0]])])
    capsys.readouterr()
    assert make("--classes", "stop sign", "dog") == 2
    assert "other annotations" in capsys.readouterr().err
    mine = out / "val" / "images" / "mine.png"
    mine.parent.mkdir(parents=True)
    mine.write_text("of the user's")
    assert make("--part", "val") == 2
    assert f"{out}/val: is there already, and was not made here" in capsys.readouterr().err
    assert mine.read_text() == "of the user's"


def test_without_pycocotools_one_line_says_what_is_missing(make, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    assert make() == 2
    assert "pip install pycocotools" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
