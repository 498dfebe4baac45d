"""The digits of the package."""

import numpy as np
import pytest

import aff
from aff.data import load_dataset
from aff.data.datasets.digits import enlarge


def test_digits():
    data = load_dataset("digits")
    assert len(data.train) + len(data.test) == 1797
    assert len(data.test) == 359
    assert data.train.images.shape[1:] == (1, 32, 32)
    assert not data.mirror
    counts = np.bincount(data.test.labels)
    assert counts.min() >= 34
    assert counts.max() <= 37


def test_digits_keep_their_split_and_share_no_image():
    one, two = load_dataset("digits"), load_dataset("digits")
    np.testing.assert_array_equal(one.test.images, two.test.images)
    train = {image.tobytes() for image in one.train.images}
    assert sum(image.tobytes() in train for image in one.test.images) == 0


def test_digits_look_like_digits():
    data = load_dataset("digits")
    means = np.stack(
        [data.train.images[data.train.labels == label].mean(axis=0).ravel() for label in range(10)]
    )
    distances = ((data.test.images.reshape(359, 1, -1) - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == data.test.labels).mean() > 0.85


def test_mean_and_std_are_those_of_the_images():
    data = load_dataset("digits")
    assert data.train.images.mean() / 255 == pytest.approx(data.mean[0], abs=5e-4)
    assert data.train.images.std() / 255 == pytest.approx(data.std[0], abs=5e-4)


def test_digits_take_no_folder():
    with pytest.raises(aff.InputError, match="come with the package"):
        load_dataset("digits", "/tmp")


def test_enlarging_keeps_constants_and_interpolates_linearly():
    assert (enlarge(np.full((1, 1, 8, 8), 7, np.uint8), 32, 2.0) == 14).all()
    ramp = np.tile(np.arange(8, dtype=np.uint8), (8, 1))[None, None]
    row = enlarge(ramp, 32, 32.0)[0, 0, 0]
    np.testing.assert_array_equal(np.diff(row.astype(int))[2:-2], 8)
    assert (row[:2] == 0).all()
    assert (row[-2:] == 224).all()
