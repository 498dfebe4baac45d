"""An image in an epoch, asked for alone, is the one that the epoch's batches hold."""

import numpy as np
import pytest

from aff.data import TrainLoader
from aff.data.augmented import Extras
from aff.data.image_loader import ImageTrainLoader
from aff.data.images import FolderImages

from .test_image_loader import folder  # noqa: F401

ALL = Extras(rand_aug=(2, 9), erasing=0.5, cutmix_alpha=1.0, cutmix_prob=0.5)


def hold(loader, count, epochs):
    """Every image of the epochs, and every one that they leave out."""
    whole = len(loader) * loader.batch_size
    for epoch in epochs:
        data, targets = map(np.concatenate, zip(*loader.epoch(epoch)))
        order = loader.order(epoch)
        assert sorted(order) == list(range(count))
        for number, index in enumerate(order):
            found = loader.example(epoch, index)
            if number < whole:
                np.testing.assert_array_equal(found[0], data[number])
                np.testing.assert_array_equal(found[1], targets[number])
            else:
                assert found is None
    return whole


@pytest.mark.parametrize("mix", [{}, {"mixup_alpha": 1.0, "mixup_until": 3}])
@pytest.mark.parametrize("devices", [1, 2, 3])
def test_of_images_in_memory(tiny_data, devices, mix):
    loader = TrainLoader(tiny_data, 5, 7, smoothing=0.1, devices=devices, extras=ALL, **mix)
    assert hold(loader, 24, range(4)) == 20


@pytest.mark.parametrize("mix", [{}, {"mixup_alpha": 1.0, "mixup_until": 4}])
@pytest.mark.parametrize("devices", [1, 2])
def test_of_image_files(folder, devices, mix):  # noqa: F811
    images = FolderImages(str(folder))
    loader = ImageTrainLoader(
        images, 3, 7, 3, 32, 2, smoothing=0.1, devices=devices, extras=ALL, **mix
    )
    assert hold(loader, 7, range(5)) == 6


def test_pixels_are_what_was_normalised(tiny_data, folder):  # noqa: F811
    """Level for level, and cut off beyond black."""
    levels = np.arange(256, dtype=np.float32).repeat(3).reshape(16, 16, 3)
    mean, std = (123.68, 116.779, 103.939), (58.393, 57.12, 57.375)
    files = ImageTrainLoader(FolderImages(str(folder)), 3, 0, 3)
    memory = TrainLoader(tiny_data, 6, 0)
    for loader, data in ((memory, (levels / 255 - 0.5) / 0.25), (files, (levels - mean) / std)):
        batch = data.transpose(2, 0, 1).astype(np.float32)[None]
        np.testing.assert_array_equal(loader.pixels(batch)[0], levels.transpose(2, 0, 1))
        assert not loader.pixels(batch - 100).any()


def test_originals_are_the_images_themselves(tiny_data, folder):  # noqa: F811
    name, pixels, label = TrainLoader(tiny_data, 6, 0).original(9)
    assert (name, label) == ("image 9", tiny_data.train.labels[9])
    np.testing.assert_array_equal(pixels, tiny_data.train.images[9].transpose(1, 2, 0))
    name, pixels, label = ImageTrainLoader(FolderImages(str(folder)), 3, 0, 3).original(3)
    assert (name, pixels.shape, label) == ("1.JPEG", (120, 90, 3), 1)
