"""What is done level by level is what Pillow does, value for value, in colour and grey; and so are
the shortcuts around it.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from aff.data import TrainLoader, levels
from aff.data.augmented import Extras
from aff.data.auto_augment import drawn_sign, translate
from aff.data.datasets.base import DataSet, Split
from aff.data.rand_augment import SPACE, rand_augment


@st.composite
def images(draw):
    """Noise between two levels, which may be the same, of few pixels or many, grey or in colour."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    low, high = sorted((draw(st.integers(0, 255)), draw(st.integers(0, 255))))
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 40)), *draw(st.sampled_from([(), (3,)])))
    skewed = rng.random(shape) ** draw(st.sampled_from([1, 8]))
    return Image.fromarray((low + skewed * (high + 1 - low)).astype(np.uint8))


def same(ours, pillows):
    assert (ours.mode, ours.size) == (pillows.mode, pillows.size)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(pillows))


@given(images())
def test_contrast_and_histogram_are_pillows(image):
    same(levels.auto_contrast(image), ImageOps.autocontrast(image))
    same(levels.equalize(image), ImageOps.equalize(image))


@given(images(), st.integers(0, 256), st.integers(1, 8))
def test_thresholds_and_bits_are_pillows(image, threshold, bits):
    same(levels.solarize(image, threshold), ImageOps.solarize(image, threshold))
    same(levels.solarize(image, 0), ImageOps.invert(image))
    same(levels.posterize(image, bits), ImageOps.posterize(image, bits))
    assert not np.asarray(levels.posterize(image, 0)).any()


@given(images(), st.integers(-45, 45), st.integers(-45, 45))
def test_moving_by_whole_pixels_interpolates_nothing(image, x, y):
    bicubic = Image.Resampling.BICUBIC
    moved = image.transform(image.size, Image.Transform.AFFINE, (1, 0, x, 0, 1, y), bicubic)
    same(translate(image, x, y), moved)


def test_signs_are_those_that_were_drawn_before():
    ours, numpys = (np.random.default_rng(5) for _ in range(2))
    for _ in range(200):
        assert drawn_sign(ours) == numpys.choice((-1, 1))
        assert ours.random() == numpys.random()


def test_a_grey_image_becomes_what_it_would_become_in_colour():
    pixels = np.random.default_rng(0).integers(20, 230, (28, 28, 1), dtype=np.uint8)
    for seed in range(10 * len(SPACE)):
        grey, colour = (
            rand_augment(given, 2, seed % 11, np.random.default_rng(seed))
            for given in (pixels, pixels.repeat(3, axis=2))
        )
        np.testing.assert_array_equal(grey.repeat(3, axis=2), colour)


def test_grey_sets_train_with_it():
    """Before the crop: without a border each image is what RandAugment alone makes of it."""
    images = np.random.default_rng(0).integers(20, 230, (6, 1, 16, 16), dtype=np.uint8)
    part = Split(images, np.arange(6, dtype=np.int32))
    data = DataSet("grey", 6, (0.0,), (1 / 255,), part, part, mirror=False, pad=0)
    loader = TrainLoader(data, 6, 3, extras=Extras((2, 9)))
    found, _ = next(loader.epoch(1))
    order, rng = (np.random.default_rng([3, 1, *more]) for more in ([0], [1, 0]))
    for view, index in zip(found, order.permutation(6)):
        expected = rand_augment(images[index].transpose(1, 2, 0), 2, 9, rng)
        np.testing.assert_allclose(view, expected.repeat(3, axis=2).transpose(2, 0, 1), atol=1e-4)
