"""Folders of images and masks that tests make."""

import cv2
import numpy as np

from aff.data.mask_file import encode_mask

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
