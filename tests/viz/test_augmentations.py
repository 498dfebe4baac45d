"""What a sheet of augmented images shows and says."""

import numpy as np

from aff.data import TrainLoader
from aff.data.augmented import Extras
from aff.data.mixup import one_hot
from aff.viz.augmentations import rows_of, shares

NAMES = ["cat", "dog", "owl", "elk"]


def test_shares_are_those_of_the_classes_whatever_the_smoothing():
    for smoothing in (0.0, 0.1, 0.5):
        cat, owl = one_hot(np.array([0, 2]), 4, smoothing)
        assert shares(cat, smoothing, NAMES) == ["cat"]
        assert shares(0.3 * cat + 0.7 * owl, smoothing, NAMES) == ["70 % owl", "30 % cat"]
        assert shares(0.5 * cat + 0.5 * owl, smoothing, None) == ["50 % 0", "50 % 2"]
        assert shares(0.999 * cat + 0.001 * owl, smoothing, NAMES) == ["cat"]


def test_a_row_is_the_image_and_what_the_loader_makes_of_it(tiny_data):
    loader = TrainLoader(tiny_data, 20, 3, mixup_until=1, extras=Extras(cutmix_alpha=1.0))
    out = int(loader.order(1)[-1])  # which epoch 1 leaves out, its last four
    index = next(int(i) for i in loader.order(0)[:20] if i in loader.order(1)[:20])
    tiles = sum(rows_of(loader, [index, out], [0, 1], NAMES), [])
    titles = [tile.title for tile in tiles]
    assert titles == [f"image {index}", "epoch 0", "epoch 1", f"image {out}", "epoch 0", "epoch 1"]
    label = tiny_data.train.labels[index]
    assert tiles[0].captions == [NAMES[label]]
    image = tiny_data.train.images[index].transpose(1, 2, 0)
    np.testing.assert_array_equal(tiles[0].pixels, image)
    for epoch, tile in enumerate(tiles[1:3]):
        data, target = loader.example(epoch, index)
        assert tile.captions == shares(target, 0, NAMES)
        shown = tile.pixels.transpose(2, 0, 1) / 255
        np.testing.assert_allclose((shown - 0.5) / 0.25, data, atol=1e-5)
    assert tiles[2].captions == [NAMES[label]]  # not mixed any more
    assert (tiles[5].pixels == 255).all() and "left out" in tiles[5].captions[0]
