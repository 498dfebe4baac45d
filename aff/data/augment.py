"""Augmentation and normalisation of whole batches: pure functions of their arguments and a
generator.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np


def random_crop(images: np.ndarray, pad: int, rng: np.random.Generator) -> np.ndarray:
    """Crop each image at a random place after a black border of `pad` pixels: (N, C, H, W) to the
    same shape.
    """
    if pad == 0:
        return images
    n, channels, height, width = images.shape
    padded = np.zeros((n, channels, height + 2 * pad, width + 2 * pad), images.dtype)
    padded[:, :, pad:-pad, pad:-pad] = images
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))  # type: ignore
    top, left = rng.integers(0, 2 * pad + 1, size=(2, n))
    return windows[np.arange(n), :, top, left]


def random_mirror(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror each image left to right with probability 1/2: (N, C, H, W) to the same shape."""
    chosen = rng.random(len(images)) < 0.5
    return np.where(chosen[:, None, None, None], images[..., ::-1], images)


def normalize(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """``(images / 255 - mean) / std`` of each channel, as RGB.

    Parameters
    ----------
    images : numpy.ndarray
        (N, C, H, W) uint8, C = 1 or 3; grey images are repeated three times.
    mean, std : sequence of C float
        On a scale of 0 to 1.

    Returns
    -------
    numpy.ndarray
        (N, 3, H, W) float32.
    """
    scale = (1 / (255 * np.asarray(std, np.float64))).astype(np.float32)[:, None, None]
    shift = (np.asarray(mean, np.float64) / np.asarray(std, np.float64)).astype(np.float32)[
        :, None, None
    ]
    result = np.multiply(images, scale, dtype=np.float32)
    result -= shift
    return result if images.shape[1] == 3 else np.repeat(result, 3, axis=1)
