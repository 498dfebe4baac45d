"""Image and mask stay together: an image that is a function of its mask stays so under every draw.

Against Pillow, which scales about pixels' centres too, and NumPy.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aff.data.mask_file import IGNORED
from aff.data.mask_transforms import padded_pair, scaled, training_pair, window
from aff.data.transforms import MEAN, STD

from .masked import colours, picture

sides = st.integers(1, 48)
seeds = st.integers(0, 2**32 - 1)


def shown(image):
    """The levels of a normalised image."""
    return image * STD + MEAN


@given(seed=seeds, height=sides, width=sides, size=st.integers(1, 64), mirror=st.booleans())
def test_each_pixel_keeps_its_label(seed, height, width, size, mirror):
    pixels, labels = picture(height, width, seed)
    rng = np.random.default_rng(seed)
    image, mask = training_pair(pixels, labels, size, (1.0, 1.0), mirror, rng)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.float32
    assert mask.shape == (size, size)
    inside = mask != IGNORED
    assert inside.sum() == min(height, size) * min(width, size)
    np.testing.assert_allclose(shown(image)[inside], colours(mask[inside]), atol=1e-3)
    assert not image[~inside].any()


@given(seed=seeds, low=st.floats(0.25, 2), more=st.floats(1, 3))
@settings(max_examples=60)
def test_scaling_keeps_them_together(seed, low, more):
    """An image that is the mask of two labels in grey: bilinear values are nearer to the label of
    the mask's nearest pixel than to the other one, or halfway, where no pixels are left out.
    """
    labels = picture(24, 30, seed, classes=2)[1]
    pixels = np.repeat(labels[..., None] * 200, 3, axis=2).astype(np.uint8)
    rng = np.random.default_rng(seed)
    image, mask = training_pair(pixels, labels, 40, (low, low * more), True, rng)
    inside = mask != IGNORED
    levels = shown(image)[..., 0][inside]
    wrong = np.abs(levels - 200.0 * mask[inside]) > 151  # 3/4: a corner between four pixels
    assert not wrong.any()


@given(seed=seeds, height=sides, width=sides, factor=st.floats(0.1, 4))
@settings(max_examples=60)
def test_labels_are_scaled_as_pillow_scales_them(seed, height, width, factor):
    labels = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    pixels = np.repeat(labels[..., None], 3, axis=2)
    image, mask = scaled(pixels, labels, factor)
    assert image.shape[:2] == mask.shape == tuple(max(1, round(s * factor)) for s in labels.shape)
    expected = np.array(Image.fromarray(labels).resize(mask.shape[::-1], Image.NEAREST))
    halfway = [  # two pixels are as near
        (2 * np.arange(new) + 1) * old % (2 * new) == 0
        for old, new in zip(labels.shape, mask.shape)
    ]
    told = ~(halfway[0][:, None] | halfway[1])
    np.testing.assert_array_equal(mask[told], expected[told])


@pytest.mark.parametrize("factor", [1.0, 1.3, 2.0, 3.7])
def test_images_are_enlarged_as_pillow_enlarges_them(factor):
    pixels = np.random.default_rng(0).integers(0, 256, (13, 17, 3)).astype(np.uint8)
    image, mask = scaled(pixels, pixels[..., 0], factor)
    expected = Image.fromarray(pixels).resize(mask.shape[::-1], Image.BILINEAR)
    assert np.abs(image.astype(int) - np.array(expected)).max() <= 1


@given(
    seed=seeds,
    shape=st.tuples(sides, sides),
    corner=st.tuples(st.integers(-60, 60), st.integers(-60, 60)),
    size=st.tuples(sides, sides),
)
def test_a_window_is_a_part_of_the_plane(seed, shape, corner, size):
    pixels, labels = picture(*shape, seed)
    image, mask = window(pixels, labels, corner, size)
    plane = np.full((220, 220), IGNORED, np.uint8)
    plane[100 : 100 + shape[0], 100 : 100 + shape[1]] = labels
    expected = plane[100 + corner[0] :, 100 + corner[1] :][: size[0], : size[1]]
    np.testing.assert_array_equal(mask, expected)
    inside = mask != IGNORED
    np.testing.assert_allclose(shown(image)[inside], colours(mask[inside]), atol=1e-3)
    assert not image[~inside].any()


def test_all_places_and_both_sides_occur():
    labels = np.arange(36, dtype=np.uint8).reshape(6, 6)
    pixels = np.repeat(labels[..., None], 3, axis=2)
    rng = np.random.default_rng(0)
    masks = [training_pair(pixels, labels, 5, (1, 1), True, rng)[1] for _ in range(200)]
    corners = {int(min(mask[0, 0], mask[0, -1])) for mask in masks}
    mirrored = np.mean([mask[0, 0] > mask[0, -1] for mask in masks])
    assert corners == {0, 1, 6, 7}
    assert 0.35 < mirrored < 0.65
    small = [training_pair(pixels, labels, 7, (1, 1), False, rng)[1] for _ in range(200)]
    assert {int(np.argmax(mask.ravel() == 0)) for mask in small} == {0, 1, 7, 8}


def test_evaluation_pads_and_nothing_else():
    pixels, labels = picture(10, 16)
    image, mask = padded_pair(pixels, labels, 8)
    assert image.shape == (16, 16, 3)
    np.testing.assert_array_equal(mask[:10], labels)
    assert (mask[10:] == IGNORED).all()
