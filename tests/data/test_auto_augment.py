"""AutoAugment: the tables' form, what every operation does at every level, and how often.

The values are those of the published runs (autogluon 0.0.14's), written out here once more.
"""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from aff.data import auto_augment as autoaugment
from aff.data import transforms
from aff.data.auto_augment import CIFAR, IMAGENET, OPERATIONS, auto_augment
from aff.data.loader import TrainLoader

LEVELS = range(11)
FACTORS = (0.1, 0.28, 0.46, 0.64, 0.82, 1.0, 1.18, 1.36, 1.54, 1.72, 1.9)
DEGREES = (0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30)
BITS = (4, 4, 4, 3, 3, 2, 2, 2, 1, 1, 0)
THRESHOLDS = (256, 231, 205, 180, 154, 128, 103, 77, 52, 26, 0)
ENHANCERS = {
    "Color": ImageEnhance.Color,
    "Contrast": ImageEnhance.Contrast,
    "Brightness": ImageEnhance.Brightness,
    "Sharpness": ImageEnhance.Sharpness,
}


def picture(size=32, seed=0):
    return np.random.default_rng(seed).integers(30, 200, (size, size, 3)).astype(np.uint8)


def after(name, level, sign=1, pixels=None):
    image = Image.fromarray(picture() if pixels is None else pixels)
    return np.asarray(OPERATIONS[name](image, level, sign))


@pytest.mark.parametrize("policy", [CIFAR, IMAGENET])
def test_the_tables_have_their_form(policy):
    assert len(policy) == 25
    for pair in policy:
        assert len(pair) == 2
        for name, probability, level in pair:
            assert name in OPERATIONS
            assert 0 <= probability <= 1
            assert 0 <= level <= 9


@pytest.mark.parametrize("policy", [CIFAR, IMAGENET])
def test_an_image_stays_an_image_and_is_a_function_of_the_generator(policy):
    for seed in range(60):
        once, again = (
            auto_augment(picture(), policy, np.random.default_rng(seed)) for _ in range(2)
        )
        assert once.shape == (32, 32, 3)
        assert once.dtype == np.uint8
        np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_what_is_moved_comes_in_black(level, sign):
    pixels = picture()
    moved = after("TranslateX", level, sign)
    expected = np.zeros_like(pixels)
    if level:
        ours, theirs = slice(None, -level), slice(level, None)
        if sign < 0:
            ours, theirs = theirs, ours
        expected[:, ours] = pixels[:, theirs]
    else:
        expected = pixels
    np.testing.assert_array_equal(moved, expected)
    np.testing.assert_array_equal(
        after("TranslateY", level, sign, pixels.transpose(1, 0, 2)), moved.transpose(1, 0, 2)
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_shear_and_rotation(level, sign):
    image = Image.fromarray(picture())
    bicubic, share = Image.Resampling.BICUBIC, sign * 0.03 * level
    sheared = image.transform((32, 32), Image.Transform.AFFINE, (1, share, 0, 0, 1, 0), bicubic)
    np.testing.assert_array_equal(after("ShearX", level, sign), np.asarray(sheared))
    sheared = image.transform((32, 32), Image.Transform.AFFINE, (1, 0, 0, share, 1, 0), bicubic)
    np.testing.assert_array_equal(after("ShearY", level, sign), np.asarray(sheared))
    turned = image.rotate(sign * DEGREES[level], Image.Resampling.NEAREST, fillcolor=(0, 0, 0))
    np.testing.assert_array_equal(after("Rotate", level, sign), np.asarray(turned))
    if level:
        assert (after("Rotate", level, sign)[0, 0] == 0).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_levels_without_a_direction(level, sign):
    pixels, image = picture(), Image.fromarray(picture())
    threshold = THRESHOLDS[level]
    np.testing.assert_array_equal(
        after("Solarize", level, sign), np.where(pixels < threshold, pixels, 255 - pixels)
    )
    kept = 0xFF & ~(2 ** (8 - BITS[level]) - 1)
    np.testing.assert_array_equal(after("Posterize", level, sign), pixels & kept)
    for name, enhancer in ENHANCERS.items():
        expected = np.asarray(enhancer(image).enhance(FACTORS[level]))
        np.testing.assert_array_equal(after(name, level, sign), expected)
    np.testing.assert_array_equal(after("Invert", level, sign), 255 - pixels)
    np.testing.assert_array_equal(
        after("AutoContrast", level, sign), np.asarray(ImageOps.autocontrast(image))
    )
    np.testing.assert_array_equal(
        after("Equalize", level, sign), np.asarray(ImageOps.equalize(image))
    )


def test_low_levels_darken():
    assert np.abs(after("Brightness", 0).astype(float) - 0.1 * picture()).max() <= 1
    assert after("Color", 0).std(axis=2).mean() < 0.2 * picture().std(axis=2).mean()


def test_probabilities():
    policy = ((("Invert", 0.3, 0), ("Invert", 0.0, 0)),)
    rng = np.random.default_rng(0)
    happened = [(auto_augment(picture(4), policy, rng) != picture(4)).any() for _ in range(1000)]
    assert 0.25 < np.mean(happened) < 0.35
    policy = ((("TranslateX", 1.0, 2), ("Invert", 0.0, 0)),)
    left = [(auto_augment(picture(), policy, rng)[:, 0] == 0).all() for _ in range(400)]
    assert 0.4 < np.mean(left) < 0.6


def test_it_comes_before_the_crop_and_the_mirror(tiny_data, monkeypatch):
    """As the published runs had it: what a crop brings in has not been augmented."""
    seen = []

    def see(pixels, policy, rng):
        seen.append((policy is CIFAR, pixels))
        return 255 - pixels

    monkeypatch.setattr("aff.data.augmented.auto_augment", see)
    data, _ = next(TrainLoader(tiny_data, 24, 0, auto_aug=True).epoch(0))
    originals = {image.tobytes() for image in tiny_data.train.images.transpose(0, 2, 3, 1)}
    assert len(seen) == 24
    assert all(first and pixels.tobytes() in originals for first, pixels in seen)
    black = transforms.normalize(np.zeros((1, 3, 1, 1), np.uint8), tiny_data.mean, tiny_data.std)
    assert np.isclose(data[:, :, [0, -1]], black[0, :, :, 0][None, :, :, None]).any()
    assert autoaugment.LEVELS == 10
