"""AutoAugment: the tables' form, each operation, and the share in which operations happen."""

import numpy as np
import pytest
from PIL import Image

from aff.data import auto_augment as autoaugment
from aff.data.auto_augment import CIFAR, IMAGENET, OPERATIONS, auto_augment

WITHOUT_LEVEL = {"AutoContrast", "Equalize", "Invert"}


def picture(size=32, seed=0):
    return np.random.default_rng(seed).integers(30, 200, (size, size, 3)).astype(np.uint8)


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


@pytest.mark.parametrize("name", OPERATIONS)
def test_levels_grow(name):
    """At level 0 nothing happens where there is a level, and at more of it more does."""
    y, x = np.mgrid[0:32, 0:32]
    pixels = np.stack([60 + 4 * x, 60 + 4 * y, 120 + 2 * (x - y)], axis=-1).astype(np.uint8)
    pixels[10:14, 10:14] = 0

    def change(level):
        result = np.asarray(OPERATIONS[name](Image.fromarray(pixels), level))
        return np.abs(result - pixels.astype(float)).mean()

    assert change(1) > 0.3
    if name not in WITHOUT_LEVEL:
        assert change(0) <= (0.01 if name != "Solarize" else 1)
        assert change(0) <= change(0.5) <= change(1) * 1.01


@pytest.mark.parametrize(
    "name, level, expected",
    [
        ("Invert", 1, lambda x: 255 - x),
        ("Solarize", 0.5, lambda x: np.where(x < 128, x, 255 - x)),
        ("Posterize", 1, lambda x: x & 0b11110000),
        ("Posterize", 0.5, lambda x: x & 0b11111100),
        ("Brightness", 1, lambda x: np.minimum(255, 1.9 * x)),
        ("Brightness", -1, lambda x: 0.1 * x),
    ],
)
def test_what_a_level_means(name, level, expected):
    result = np.asarray(OPERATIONS[name](Image.fromarray(picture()), level)).astype(float)
    assert np.abs(result - expected(picture())).max() <= 1


def test_translation_is_a_share_of_the_size():
    result = np.asarray(OPERATIONS["TranslateX"](Image.fromarray(picture(331)), 2 / 150))
    np.testing.assert_array_equal(result[:, :-2], picture(331)[:, 2:])
    assert (result[:, -2:] == 128).all()


def test_probabilities(monkeypatch):
    policy = ((("Invert", 0.3, 0), ("Invert", 0.0, 0)),)
    rng = np.random.default_rng(0)
    happened = [(auto_augment(picture(4), policy, rng) != picture(4)).any() for _ in range(1000)]
    assert 0.25 < np.mean(happened) < 0.35
    assert autoaugment.LEVELS == 9
