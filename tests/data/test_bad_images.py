"""Damaged training images: refused, or put up with in numbers."""

import cv2
import mxnet as mx
import numpy as np
import pytest

import aff
from aff.data.bad_images import BadImagePolicy
from aff.data.image_loader import ImageEvalLoader, ImageTrainLoader
from aff.data.images import FolderImages, RecordImages

from .test_image_loader import picture


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
    policy = BadImagePolicy(len(images), share)
    return ImageTrainLoader(
        images, 4, 0, len(images.classes), 32, workers=workers, bad_images=policy
    ), policy


def test_none_are_put_up_with_unless_asked_for(folder):
    train, _ = batches(folder, 0)
    with pytest.raises(aff.InputError, match=r"\.JPEG: cannot be decoded.*max_bad_records"):
        list(train.epoch(0))


def test_too_many(folder):
    train, policy = batches(folder, 0.2)
    with pytest.raises(aff.InputError, match="one more damaged image than the 2 of 12"):
        list(train.epoch(0))
    assert len(policy.found) == 2


@pytest.mark.parametrize("workers", [1, 3])
def test_the_next_good_image_takes_the_place(folder, workers):
    (train, policy), (other, _) = batches(folder, 0.25), batches(folder, 0.25, workers)
    said = []
    policy.say = said.append
    first, second = list(train.epoch(0)), list(other.epoch(0))
    assert len(first) == 3
    for one, two in zip(first, second):
        for a, b in zip(one, two):
            np.testing.assert_array_equal(a, b)
    assert sorted(policy.found) == [2, 3, 11]
    list(train.epoch(1))
    assert len(said) == 3, "each is told once"
    assert "(3 of at most 3)" in said[-1]


def test_a_share_of_all_ends_too(tmp_path):
    policy = BadImagePolicy(3, 1.0)
    index = policy.instead(policy.instead(0, aff.InputError("a")), aff.InputError("b"))
    with pytest.raises(aff.InputError, match="one more damaged image than the 2 of 3"):
        policy.instead(index, aff.InputError("c"))
    assert BadImagePolicy(100, 0.29).allowed == 29


def test_validation_needs_every_image(folder):
    images = FolderImages(str(folder), "train")
    with pytest.raises(aff.InputError, match="cannot be decoded"):
        list(ImageEvalLoader(images, 4, len(images.classes), 32))


def test_random_damage_to_a_record_file(tmp_path):
    """Bytes changed, taken away or added anywhere: what is read is an image, or the fault is named
    with its file.
    """
    folder = tmp_path / "val" / "n0"
    folder.mkdir(parents=True)
    for index in range(6):
        cv2.imwrite(str(folder / f"{index}.JPEG"), picture(40, 50, index))
    records = tmp_path / "val.rec"
    writer = mx.recordio.MXRecordIO(str(records), "w")
    images = FolderImages(str(tmp_path))
    for place in range(len(images)):
        content, label = images.read(place)
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, float(label), place, 0), content))
    writer.close()
    whole, rng = records.read_bytes(), np.random.default_rng(0)
    named = 0
    for number in range(300):
        damaged = bytearray(whole)
        place = int(rng.integers(len(whole)))
        if number % 3 == 0:
            del damaged[place:]
        elif number % 3 == 1:
            damaged[place : place + 4] = rng.bytes(4)
        else:
            damaged[place:place] = rng.bytes(int(rng.integers(1, 9)))
        records.write_bytes(damaged)
        try:
            batches = ImageEvalLoader(RecordImages(str(records)), 4, 1, 32)
            assert all(np.isfinite(data).all() for data, _ in batches)
        except aff.InputError as error:
            named += 1
            assert str(records) in str(error)
    assert named > 150


@pytest.mark.parametrize("start", [0, 1, 3])
def test_an_epoch_goes_on_within(folder, start):
    (first, _), (second, _) = batches(folder, 0.25), batches(folder, 0.25, 2)
    whole, rest = list(first.epoch(2)), list(second.epoch(2, start))
    assert len(rest) == len(whole) - start
    for one, two in zip(whole[start:], rest):
        for a, b in zip(one, two):
            np.testing.assert_array_equal(a, b)
