"""What AutoAugment and RandAugment do to each level of an image by itself: what `PIL.ImageOps`
gives, value for value, by tables that NumPy makes and OpenCV looks up. Pillow's own are made level
by level in Python, which takes longer than the image and keeps other threads waiting.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

_LEVELS = np.arange(256)


def look_up(image: Image.Image, table: np.ndarray) -> Image.Image:
    """Return an image with each level replaced by what a table says.

    Parameters
    ----------
    image : PIL.Image.Image
        Of mode RGB or L.
    table : numpy.ndarray
        (256,) integers for all channels, or (256, C); what is below 0 or above 255 is cut off.
    """
    clipped = table.clip(0, 255).astype(np.uint8).reshape(256, 1, -1)
    return Image.fromarray(cv2.LUT(np.asarray(image), clipped))


def _counts(image: Image.Image) -> np.ndarray:
    """Return how many values of each channel have each level, (256, C)."""
    pixels = np.asarray(image)
    channels = range(len(image.getbands()))
    found = [cv2.calcHist([pixels], [number], None, [256], [0, 256]) for number in channels]
    return np.hstack(found).astype(np.int64)


def _ends(counts: np.ndarray) -> np.ndarray:
    """Return the lowest and the highest level that each channel has, (2, C)."""
    there = counts > 0
    return np.stack([there.argmax(axis=0), 255 - there[::-1].argmax(axis=0)])


def auto_contrast(image: Image.Image) -> Image.Image:
    """Return an image each channel of which is stretched to levels from 0 to 255; one of a single
    level stays.
    """
    low, high = _ends(_counts(image))
    scale = 255.0 / np.maximum(high - low, 1)
    stretched = np.trunc(_LEVELS[:, None] * scale - low * scale)
    return look_up(image, np.where(high > low, stretched, _LEVELS[:, None]))


def equalize(image: Image.Image) -> Image.Image:
    """Return an image the levels of each channel of which are about equally frequent; one of a
    single level, or of too few values, stays.
    """
    counts = _counts(image)
    highest = np.take_along_axis(counts, _ends(counts)[1:], axis=0)[0]
    step = (counts.sum(axis=0) - highest) // 255
    below = counts.cumsum(axis=0) - counts
    spread = (step // 2 + below) // np.maximum(step, 1)
    return look_up(image, np.where(step > 0, spread, _LEVELS[:, None]))


def solarize(image: Image.Image, threshold: int) -> Image.Image:
    """Return an image whose levels from a threshold on are inverted; 0 inverts all."""
    return look_up(image, np.where(threshold > _LEVELS, _LEVELS, 255 - _LEVELS))


def posterize(image: Image.Image, bits: int) -> Image.Image:
    """Return an image of whose levels so many bits are kept, from 0 on (Pillow's own takes 1 and
    more).
    """
    return look_up(image, _LEVELS & ~(2 ** (8 - bits) - 1))
