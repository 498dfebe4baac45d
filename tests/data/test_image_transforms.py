"""Augmentation of images: shapes, ranges, distributions, and the colour maps step by step."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aff.data import transforms as image_augment
from aff.data.transforms import (
    MEAN,
    STD,
    colour_jitter,
    noisy_normalized,
    random_resized_crop,
    scaled_side,
    training_view,
)


def image(height=60, width=80, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.integers(1, 40),
    seed=st.integers(0),
)
@settings(deadline=None, max_examples=60)
def test_every_size_gives_a_view(height, width, size, seed):
    view = training_view(image(height, width), size, np.random.default_rng(seed))
    assert view.shape == (size, size, 3)
    assert view.dtype == np.float32
    assert np.isfinite(view).all()


def test_a_view_is_a_function_of_the_generator():
    first, again, other = (
        training_view(image(), 32, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def positions(count=3000):
    """Area, aspect ratio, and centre of random crops, read off an image of coordinates."""
    y, x = np.mgrid[0:120, 0:120].astype(np.float32)
    pixels = np.stack([y, x, 0 * x], axis=-1)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        part = random_resized_crop(pixels, 30, rng)
        # A resize to n pixels shows centres of n equal cells: (n - 1) / n of the way.
        height, width = (np.ptp(part[..., axis]) * 30 / 29 for axis in (0, 1))
        found.append((height * width / 14400, width / height, part[..., 0].mean() / 119))
    return np.array(found).T


def test_crops_are_distributed_as_published():
    area, ratio, centre = positions()
    assert 0.07 < area.min() < 0.1
    assert area.max() > 0.9
    assert 0.7 < ratio.min() < 0.8
    assert 1.25 < ratio.max() < 1.4
    assert abs(np.log(ratio).mean()) < 0.02
    assert abs(centre.mean() - 0.5) < 0.02
    # Uniform in area, but large parts fit only where their aspect is near 1.
    areas = np.linspace(0.08, 1, 10001)
    fits = np.clip(-np.log(areas) / np.log(4 / 3), 0, 1)
    assert abs((area < 0.54).mean() - fits[areas < 0.54].sum() / fits.sum()) < 0.03


#: Shares of red, green and blue in a grey value, as `ImageRecordIter` has them.
GREY = np.array((0.114, 0.587, 0.299))


def colour_jitter_step_by_step(pixels, rng):
    """The same jitter by its formulas, rounded and clipped after each operation."""
    factors = rng.uniform(0.6, 1.4, 3)
    levels = pixels.astype(np.float64)
    for kind in rng.permutation(3):
        grey = np.rint(levels @ GREY)
        if kind == 0:
            levels = factors[0] * levels
        elif kind == 1:
            levels = factors[1] * levels + (1 - factors[1]) * grey.mean()
        else:
            levels = factors[2] * levels + (1 - factors[2]) * grey[..., None]
        levels = np.rint(levels).clip(0, 255)
    return levels


@pytest.mark.parametrize("seed", range(12))
def test_the_colour_jitter_is_brightness_contrast_and_saturation(seed):
    pixels = image(seed=seed)
    found = colour_jitter(pixels, np.random.default_rng(seed))
    expected = colour_jitter_step_by_step(pixels, np.random.default_rng(seed))
    difference = np.abs(found - expected)
    assert found.dtype == np.uint8
    assert difference.max() <= 2  # a half rounds either way, and is scaled by the next factor
    assert difference.mean() < 0.05


def test_noise_is_cut_to_whole_levels():
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    noise = np.array((7.6, -0.5, -300))
    expected = np.trunc((pixels + noise).clip(0, 255))
    found = noisy_normalized(pixels, noise)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (expected - MEAN) / STD, atol=1e-5)


def test_half_of_the_views_are_mirrored(monkeypatch):
    monkeypatch.setattr(image_augment, "AREA", (1.0, 1.0))
    monkeypatch.setattr(image_augment, "ASPECT", (1.0, 1.0))
    monkeypatch.setattr(image_augment, "JITTER", 0)
    monkeypatch.setattr(image_augment, "PCA_NOISE", 0)
    pixels = image(24, 24)
    plain = (pixels - MEAN) / STD
    mirrored = 0
    for seed in range(200):
        view = training_view(pixels, 24, np.random.default_rng(seed))
        flipped = np.allclose(view, plain[:, ::-1], atol=1e-5)
        assert flipped or np.allclose(view, plain, atol=1e-5)
        mirrored += flipped
    assert 70 < mirrored < 130


def test_colours_vary_as_image_record_iter_varies_them(tmp_path):
    """Mean and spread of the views' mean colours, of many views of one image by both."""
    import cv2

    pixels = np.full((64, 64, 3), (60, 110, 150), np.uint8)
    content = cv2.imencode(".png", pixels)[1].tobytes()
    writer = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "w")
    for index in range(400):
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, 0.0, index, 0), content))
    writer.close()
    reference = mx.io.ImageRecordIter(
        path_imgrec=str(tmp_path / "x.rec"),
        data_shape=(3, 16, 16),
        batch_size=400,
        random_resized_crop=True,
        min_random_area=0.08,
        max_random_area=1,
        min_aspect_ratio=3 / 4,
        max_aspect_ratio=4 / 3,
        rand_mirror=True,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        pca_noise=0.1,
        preprocess_threads=1,
    )
    theirs = next(reference).data[0].asnumpy().mean(axis=(2, 3))
    ours = np.array(
        [
            (training_view(pixels[..., ::-1], 16, np.random.default_rng(seed)) * STD + MEAN).mean(
                axis=(0, 1)
            )
            for seed in range(400)
        ]
    )
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), rtol=0.06)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.15)


@pytest.mark.parametrize(
    "size, ratio, side", [(224, 0.875, 256), (224, 0.7, 320), (64, 0.875, 74), (32, 1, 32)]
)
def test_the_side_before_the_crop(size, ratio, side):
    assert scaled_side(size, ratio) == side
