"""Damaged training images: refused, or put up with in numbers."""

import cv2
import numpy as np
import pytest

import aff
from aff.data.damage import Damage
from aff.data.imagenet import ImageEvalBatches, ImageTrainBatches
from aff.data.images import FolderImages

from .test_imagenet import picture


@pytest.fixture
def folder(tmp_path):
    """Twelve images, of which three do not decode."""
    for index in range(12):
        place = tmp_path / "train" / f"n{index % 2}"
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{index}.JPEG"), picture(50, 60, index))
    for place in (2, 3, 11):
        path = sorted((tmp_path / "train").rglob("*.JPEG"))[place]
        path.write_bytes(b"no image at all")
    return tmp_path


def batches(folder, share, workers=0):
    images = FolderImages(str(folder), "train")
    damage = Damage(len(images), share)
    return ImageTrainBatches(
        images, 4, 0, len(images.classes), 32, workers=workers, damage=damage
    ), damage


def test_none_are_put_up_with_unless_asked_for(folder):
    train, _ = batches(folder, 0)
    with pytest.raises(aff.InputError, match=r"\.JPEG: cannot be decoded.*--max-bad-records SHARE"):
        list(train.epoch(0))


def test_too_many(folder):
    train, damage = batches(folder, 0.2)
    with pytest.raises(aff.InputError, match="one more damaged image than the 2 of 12"):
        list(train.epoch(0))
    assert len(damage.found) == 2


@pytest.mark.parametrize("workers", [1, 3])
def test_the_next_good_image_takes_the_place(folder, workers):
    (train, damage), (other, _) = batches(folder, 0.25), batches(folder, 0.25, workers)
    said = []
    damage.say = said.append
    first, second = list(train.epoch(0)), list(other.epoch(0))
    assert len(first) == 3
    for one, two in zip(first, second):
        for a, b in zip(one, two):
            np.testing.assert_array_equal(a, b)
    assert sorted(damage.found) == [2, 3, 11]
    list(train.epoch(1))
    assert len(said) == 3, "each is told once"
    assert "(3 of at most 3)" in said[-1]


def test_validation_needs_every_image(folder):
    images = FolderImages(str(folder), "train")
    with pytest.raises(aff.InputError, match="cannot be decoded"):
        list(ImageEvalBatches(images, 4, len(images.classes), 32))
