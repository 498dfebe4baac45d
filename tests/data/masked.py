"""Folders of images and masks that tests make."""

import cv2
import numpy as np

from aff.data import DataSet, Split
from aff.data.mask_file import encode_mask
from aff.data.scene_set import make_scenes
from aff.data.scenes import SceneSettings

SIZES = ((24, 32), (40, 24), (24, 32), (17, 33), (40, 40))


def picture(height, width, seed=0, classes=3):
    """An image (H, W, 3) uint8 and its labels (H, W) uint8: one is a function of the other."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, classes, (4, 4), np.uint8)
    labels = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return colours(labels), labels


def colours(labels):
    """What `picture` makes of labels."""
    return np.stack([labels * 60, 200 - labels * 50, labels * 20 + 40], axis=-1).astype(np.uint8)


def write_masked(folder, count=5, seed=0, classes=3, sizes=SIZES, images="images", masks="masks"):
    """Write ``images/`` and ``masks/``; returns what is in them, by name."""
    (folder / images).mkdir(parents=True)
    (folder / masks).mkdir()
    pairs = {}
    for index in range(count):
        pixels, labels = picture(*sizes[index % len(sizes)], seed + index, classes)
        name = f"{index:03}"
        cv2.imwrite(str(folder / images / f"{name}.png"), pixels[..., ::-1])
        (folder / masks / f"{name}.png").write_bytes(encode_mask(labels))
        pairs[name] = pixels, labels
    return pairs


def write_scenes(folder, train=6, test=3, size=48, scales=(6, 40)):
    """Write scenes of ten squares, which stand for Fashion-MNIST's items."""
    images = np.zeros((10, 1, 28, 28), np.uint8)
    images[:, :, 2:-2, 2:-2] = np.arange(100, 110)[:, None, None, None]
    split = Split(images, np.arange(10))
    data = DataSet("fashion-mnist", 10, (0.5,), (0.5,), split, split, mirror=True)
    settings = SceneSettings([*scales], 0, size, [4, 8], {"train": train, "test": test})
    folder.mkdir(parents=True, exist_ok=True)
    return make_scenes(str(folder), settings, data, "", 0, lambda items, *_: items)
