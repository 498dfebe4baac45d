"""Augmentation as pure functions: closed forms, bounds, distributions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aff.data.transforms import denormalize, normalize, random_crop, random_mirror


def coordinates(n, channels, size):
    """Images in which every pixel's value is its place, 1 + row * size + column."""
    plane = np.arange(1, size * size + 1, dtype=np.uint8).reshape(size, size)
    return np.broadcast_to(plane, (n, channels, size, size)).copy()


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    pad=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_a_crop_is_the_image_shifted_over_black(n, channels, pad, seed):
    images = coordinates(n, channels, 8)
    cropped = random_crop(images, pad, np.random.default_rng(seed))
    assert cropped.shape == images.shape
    for image in cropped:
        shifts = [
            (dy, dx)
            for dy in range(-pad, pad + 1)
            for dx in range(-pad, pad + 1)
            if np.array_equal(image, shifted(images[0], dy, dx))
        ]
        assert len(shifts) == 1


def shifted(image, dy, dx):
    height, width = image.shape[1:]
    result = np.zeros_like(image)
    result[:, max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)] = image[
        :, max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)
    ]
    return result


def test_crops_are_uniform_over_all_places():
    cropped = random_crop(coordinates(20000, 1, 8), 1, np.random.default_rng(0))
    _, counts = np.unique(cropped[:, 0, 4, 4], return_counts=True)
    assert len(counts) == 9
    assert counts.min() > 0.9 * 20000 / 9


def test_half_of_the_images_are_mirrored_each_wholly():
    images = coordinates(4000, 3, 4)
    mirrored = random_mirror(images, np.random.default_rng(0))
    flipped = np.array([np.array_equal(new, old[..., ::-1]) for new, old in zip(mirrored, images)])
    kept = np.array([np.array_equal(new, old) for new, old in zip(mirrored, images)])
    assert (flipped ^ kept).all()
    assert flipped.mean() == pytest.approx(0.5, abs=0.03)


def test_normalize_is_its_formula():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 3, 4, 4), dtype=np.uint8)
    mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.1])
    expected = (images / 255 - mean[:, None, None]) / std[:, None, None]
    result = normalize(images, mean, std)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_grey_images_become_rgb():
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 4, 4), dtype=np.uint8)
    result = normalize(images, (0.3,), (0.4,))
    assert result.shape == (2, 3, 4, 4)
    np.testing.assert_array_equal(result[:, 0], result[:, 2])


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_normalized_can_be_looked_at_again(channels):
    """To the level; what is beyond black and white is cut off."""
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(channels, axis=1)
    mean, std = (0.485, 0.456, 0.406)[:channels], (0.229, 0.224, 0.225)[:channels]
    data = normalize(images, mean, std)
    assert data.shape[1] == 3
    np.testing.assert_array_equal(denormalize(data, mean, std), images.repeat(3 // channels, 1))
    for value, level in ((9, 255), (-9, 0)):
        far = np.full((1, 3, 2, 2), value, np.float32)
        assert (denormalize(far, mean, std) == level).all()
