"""Parts of a folder of images or of records: what is trained on, held out and tested on."""

import os
import shutil

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import aff
from aff.data import load_dataset
from aff.data.datasets.base import held_out
from aff.data.image_parts import find_evaluation_images, folder_parts, hold_out
from aff.data.images import FolderImages


@pytest.fixture
def folder(tmp_path):
    """``<class>/`` of 10, 20 and 5 grey PNG files, whose level tells which they are."""
    level = 0
    for name, count in (("a", 10), ("b", 20), ("c", 5)):
        (tmp_path / "flat" / name).mkdir(parents=True)
        for index in range(count):
            pixels = np.full((9, 13), level, np.uint8)
            cv2.imwrite(str(tmp_path / "flat" / name / f"{index:02d}.png"), pixels)
            level += 7
    return tmp_path / "flat"


def contents(images):
    return [images.read(index)[0] for index in range(len(images))]


def test_every_image_is_in_one_part_and_each_class_is_split_alike(folder):
    parts = folder_parts(str(folder), 0.2)
    assert list(parts) == ["train", "val"]
    assert np.bincount(parts["val"].labels()).tolist() == [2, 4, 1]
    assert np.bincount(parts["train"].labels()).tolist() == [8, 16, 4]
    both = contents(parts["train"]) + contents(parts["val"])
    assert sorted(both) == sorted(contents(FolderImages(str(folder))))
    assert [parts["val"].read(i)[1] for i in range(7)] == parts["val"].labels().tolist()
    assert all(str(folder) in parts["val"].name(index) for index in range(7))


def test_the_same_part_is_held_out_every_time_and_found_by_an_evaluation(folder):
    first, again = (folder_parts(str(folder), 0.2) for _ in range(2))
    assert first["val"].order() == again["val"].order() != first["train"].order()
    assert folder_parts(str(folder), 0.4)["val"].order() != first["val"].order()
    found = find_evaluation_images(str(folder), None, None, 0.2)
    assert contents(found) == contents(first["val"])


def test_files_whose_names_are_not_utf8(folder):
    before = FolderImages(str(folder))
    sums = before.order(), before.fingerprint()
    os.rename(folder / "a/00.png", os.fsencode(folder) + b"/a/\xff.png")
    images = FolderImages(str(folder))
    assert len(images) == len(before)
    assert images.order() != sums[0] and images.fingerprint() != sums[1]


def test_a_part_to_test_on_is_what_evaluations_take(folder, tmp_path):
    (tmp_path / "photos").mkdir()
    folder.rename(tmp_path / "photos" / "train")
    root = tmp_path / "photos"
    with pytest.raises(aff.InputError, match="holds no val/.*val_split"):
        folder_parts(str(root))
    for name in ("test", "val"):
        (root / name / "b").mkdir(parents=True)
        cv2.imwrite(str(root / name / "b" / "0.png"), np.zeros((5, 5), np.uint8))
        assert list(folder_parts(str(root))) == ["train", "val"]
        assert folder_parts(str(root))["val"].labels().tolist() == [1]
        assert list(folder_parts(str(root), 0.2)) == ["train", "val", "test"]
        assert len(find_evaluation_images(str(root), None, None, 0.2)) == 1
        (root / name).rename(tmp_path / name)


def test_where_val_and_test_are_there_the_second_reports(folder, tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    folder.rename(root / "train")
    for count, name in enumerate(("val", "test"), 1):
        (root / name).mkdir()
        for index in range(count):
            shutil.copyfile(root / "train/b/00.png", root / name / f"{index}.png")
            if name == "test":  # as ImageNet's lie
                assert list(folder_parts(str(root))) == ["train", "val"]
                assert len(find_evaluation_images(str(root), None, None, 0.0)) == 1
        for part in (root / name).glob("*.png"):
            (root / name / "b").mkdir(exist_ok=True)
            part.rename(root / name / "b" / part.name)
    for fraction, val in ((0.0, 1), (0.2, 7)):
        parts = folder_parts(str(root), fraction)
        assert {part: len(parts[part]) for part in ("val", "test")} == {"val": val, "test": 2}
        assert len(find_evaluation_images(str(root), None, None, fraction)) == 2
        data = load_dataset("folder", str(root), val_split=fraction)
        assert (len(data.val), len(data.test)) == (val, 2)


def test_what_is_missing_is_named_with_the_way_out(folder, tmp_path):
    with pytest.raises(aff.InputError, match="no such folder"):
        folder_parts(str(tmp_path / "nowhere"), 0.2)
    with pytest.raises(aff.InputError, match="holds no train/.*val_split"):
        folder_parts(str(folder))
    with pytest.raises(aff.InputError, match="val_split.* holds out 0"):
        folder_parts(str(folder), 0.01)


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=4, max_size=60), st.floats(0.05, 0.9))
def test_a_stratified_part_has_the_share_of_every_class(labels, fraction):
    labels = np.array(labels)
    try:
        held = held_out(labels, fraction)
    except aff.InputError:
        return
    for label in set(labels.tolist()):
        own = labels == label
        assert abs((held & own).sum() - fraction * own.sum()) <= 0.5


def test_subsets_of_subsets_keep_their_images(folder):
    images = FolderImages(str(folder))
    inner = hold_out(hold_out(images, 0.5)["val"], 0.5)["train"]
    assert len(inner) and set(contents(inner)) <= set(contents(images))


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("style, channels", [(None, 3), ("fashion-mnist", 1)])
def test_small_images_are_centre_squares_as_pillow_makes_them(tmp_path, size, style, channels):
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            pixels = rng.integers(0, 256, (32, 48, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / part / name / "0.png")
    data = load_dataset("folder", str(tmp_path), size=size, normalize_as=style)
    assert data.train.images.shape == (2, channels, size, size)
    assert data.size == size and data.classes == 2 and data.val is None and len(data.test) == 2
    with Image.open(tmp_path / "train" / "b" / "0.png") as image:
        square = image.crop((8, 0, 40, 32))
        square = square.convert("L") if channels == 1 else square
        expected = np.asarray(square.resize((size, size), Image.Resampling.BOX), int)
    found = data.train.images[1].transpose(1, 2, 0).astype(int)
    assert np.abs(found - expected.reshape(size, size, channels)).max() <= 1
