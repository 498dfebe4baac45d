"""What training and evaluation do to an image and its mask together: pure functions of their
arguments and a generator.

Images are scaled bilinearly, masks by their nearest pixel, both about pixels' centres; what lies
outside is the mean of the colours, and `IGNORED`.
"""

from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np

from .mask_file import IGNORED
from .transforms import MEAN, STD

Pair = Tuple[np.ndarray, np.ndarray]


def scaled(pixels: np.ndarray, labels: np.ndarray, factor: float) -> Pair:
    """Return an image (H, W, 3) and its labels (H, W), uint8, with sides of `factor` times the
    pixels, rounded, at least one.
    """
    height, width = (max(1, round(side * factor)) for side in labels.shape)
    if (height, width) == labels.shape:
        return pixels, labels
    return (
        cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR),
        cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT),
    )


def window(
    pixels: np.ndarray, labels: np.ndarray, corner: Sequence[int], size: Sequence[int]
) -> Pair:
    """Return a part of an image (H, W, 3) uint8, normalised to float32, and of its labels (H, W)
    uint8; what of the part lies outside is 0, the mean, and `IGNORED`.

    Parameters
    ----------
    pixels, labels : numpy.ndarray
        The image and its mask.
    corner : sequence of 2 int
        Top and left of the part; may be negative.
    size : sequence of 2 int
        Its height and width.
    """
    image = np.zeros((*size, 3), np.float32)
    mask = np.full(size, IGNORED, np.uint8)
    outer = [
        slice(*np.clip((at, at + length), 0, side))
        for at, length, side in zip(corner, size, labels.shape)
    ]
    inner = tuple(slice(part.start - at, part.stop - at) for part, at in zip(outer, corner))
    image[inner] = (pixels[outer[0], outer[1]] - MEAN) / STD
    mask[inner] = labels[outer[0], outer[1]]
    return image, mask


def training_pair(
    pixels: np.ndarray,
    labels: np.ndarray,
    size: int,
    scale: Tuple[float, float],
    mirror: bool,
    rng: np.random.Generator,
) -> Pair:
    """Return an augmented, normalised view (size, size, 3) float32 of an image (H, W, 3) uint8 and
    the same of its labels (H, W) uint8.

    It is scaled by a factor in `scale`; a part is cut out at a random place, which for an image
    smaller than the part is somewhere in it; and mirrored left to right with probability 1/2 where
    `mirror` says so.
    """
    pixels, labels = scaled(pixels, labels, rng.uniform(*scale))
    corner = [
        int(rng.integers(min(0, side - size), max(0, side - size) + 1)) for side in labels.shape
    ]
    image, mask = window(pixels, labels, corner, (size, size))
    if mirror and rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return image, mask


def padded(side: int, stride: int) -> int:
    """Return the least multiple of `stride` that is no less than a side's pixels."""
    return -(-side // stride) * stride


def padded_pair(pixels: np.ndarray, labels: np.ndarray, stride: int) -> Pair:
    """Return a whole image, normalised, and its labels, padded below and on the right to sides that
    are multiples of `stride`.
    """
    return window(pixels, labels, (0, 0), [padded(side, stride) for side in labels.shape])
