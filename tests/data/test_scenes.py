"""Scenes: a pure function of their settings; masks, sides and counts are what is seen."""

import hashlib

import numpy as np
import pytest

from aff.data.datasets.base import Split
from aff.data.scenes import (
    SceneSettings,
    by_class,
    draw_scene,
    scaled_item,
    silhouette,
)
from aff.data.textures import draw_background, spread
from aff.utils.errors import InputError


def shapes():
    """Items of three classes: full squares, discs, and rings."""
    rows, columns = np.indices((28, 28)) - 13.5
    radius = np.hypot(rows, columns)
    drawn = [np.full((28, 28), 200), 200 * (radius < 13), 200 * ((radius < 13) & (radius > 6))]
    images = np.stack([image for image in drawn for _ in range(2)])[:, None].astype(np.uint8)
    return by_class(Split(images, np.repeat(np.arange(3), 2)))


ITEMS = shapes()
SETTINGS = SceneSettings(scales=[8, 40], size=64, objects=[2, 6])


def scenes(count, settings=SETTINGS, part="train", items=ITEMS):
    return [draw_scene(items, settings, part, index) for index in range(count)]


def digest(found):
    arrays = [array for scene in found for array in (scene.pixels, scene.labels, scene.sides)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_scenes_are_a_function_of_seed_part_and_index():
    one = digest(scenes(3))
    assert digest(scenes(3)) == one
    others = [scenes(3, part="test"), scenes(3, SceneSettings([8, 40], 1, 64, [2, 6]))]
    assert len({one, *map(digest, others)}) == 3
    assert len({digest([scene]) for scene in scenes(3)}) == 3


def test_scenes_are_the_same_on_every_machine():
    assert digest(scenes(4)) == "496f8a1e756611d26007beab1f58859adfb350532874bb6b0e123121c099224a"


def test_what_a_scene_holds():
    for scene in scenes(20):
        assert scene.pixels.shape == (64, 64, 3)
        assert scene.pixels.dtype == scene.labels.dtype == scene.sides.dtype == np.uint8
        labels, sides = zip(*scene.objects)
        assert set(np.unique(scene.labels)) - {0} == set(labels) <= {1, 2, 3}
        assert set(np.unique(scene.sides)) == set(sides)
        assert 8 <= min(sides) <= max(sides) <= 40
        assert len(scene.objects) <= 6


def test_a_square_covers_what_its_mask_says():
    settings = SceneSettings(scales=[20, 20], size=64, objects=[1, 1])
    whole = 0
    for scene in scenes(30, settings, items=ITEMS[:1]):
        rows, columns = np.nonzero(scene.labels)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width
        assert 10 <= min(height, width) <= max(height, width) <= 20
        whole += height == width == 20
        inside = scene.pixels[scene.labels == 1].astype(int)
        assert np.ptp(inside, axis=0).max() == 0  # of one shade, whatever the background
        assert (scene.sides == 20).all()
    assert whole


def test_sides_are_those_of_the_nearest_item():
    for scene in scenes(4, SceneSettings(scales=[8, 30], size=40, objects=[2, 5])):
        seen = [  # sides at the items themselves, from which all distances are measured here
            (side, np.argwhere((scene.labels > 0) & (scene.sides == side)))
            for side in sorted({side for _, side in scene.objects})
        ]
        points = np.argwhere(scene.labels >= 0)
        distances = np.stack(
            [((points[:, None] - own[None]) ** 2).sum(-1).min(axis=1) for _, own in seen]
        )
        expected = np.array([side for side, _ in seen])[distances.argmin(axis=0)]
        np.testing.assert_array_equal(scene.sides.ravel(), expected)


def test_holes_are_filled_and_bays_are_not():
    item = np.zeros((9, 9), np.uint8)
    item[1:8, 1:8] = 50
    item[3:6, 3:6] = 10  # not above the threshold
    expected = np.zeros((9, 9), bool)
    expected[1:8, 1:8] = True
    np.testing.assert_array_equal(silhouette(item), expected)
    item[4, 5:] = 0
    expected[3:6, 3:6] = expected[4, 5:] = False
    np.testing.assert_array_equal(silhouette(item), expected)
    assert silhouette(np.full((9, 9), 11, np.uint8)).all()
    assert not silhouette(np.zeros((9, 9), np.uint8)).any()


@pytest.mark.parametrize("side", [8, 28, 61, 96])
def test_items_keep_their_share_of_their_square(side):
    disc = ITEMS[1][0]
    shade, cover = scaled_item(disc, side)
    assert shade.shape == cover.shape == (side, side)
    share = silhouette(disc).mean()
    assert cover.mean() / 255 == pytest.approx(share, abs=0.02)
    assert (cover >= 128).mean() == pytest.approx(share, abs=0.03)


def test_each_size_is_as_frequent():
    settings = SceneSettings(scales=[8, 96], size=64, objects=[60, 60])
    low, high = settings.bounds
    assert low / 8 == pytest.approx(high / low, rel=0.05)
    assert 96 / high == pytest.approx(high / low, rel=0.05)
    sides = np.array([side for scene in scenes(12, settings) for _, side in scene.objects])
    # of those that are seen, the large ones being at the bottom
    assert (sides < low).mean() > 0.3
    assert ((sides >= low) & (sides < high)).mean() > 0.2


def test_limits_the_wrong_way_round_are_refused():
    for wrong in ({"scales": [9, 8]}, {"objects": [2, 1]}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            SceneSettings(**wrong)


def test_backgrounds_are_textured_and_differ():
    found = [draw_background(48, np.random.RandomState(seed)) for seed in range(12)]
    assert {image.shape for image in found} == {(48, 48, 3)}
    assert all(image.std(axis=(0, 1)).max() > 5 for image in found)
    assert len({image.tobytes() for image in found}) == 12


def test_levels_are_spread():
    np.testing.assert_array_equal(spread(np.array([[3, 4], [5, 7]])), [[0, 63], [127, 255]])
    np.testing.assert_array_equal(spread(np.full((2, 2), 9)), np.zeros((2, 2)))
