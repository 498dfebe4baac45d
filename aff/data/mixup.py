"""Targets of a batch: one-hot labels, label smoothing and mixup. Always probabilities, (N, classes)
float32.
"""

from __future__ import annotations

import math
from typing import Tuple

import numpy as np

LABEL_SMOOTHING_ETA = 0.1


def one_hot(labels: np.ndarray, classes: int, eta: float = 0.0) -> np.ndarray:
    """Return one-hot labels, smoothed: ``1 - eta + eta / K`` at the label, ``eta / K`` elsewhere.

    Parameters
    ----------
    labels : numpy.ndarray
        (N,) integers in 0..classes-1.
    classes : int
        Number of classes K.
    eta : float, default 0
        Label smoothing; the published runs that smooth use 0.1.

    Returns
    -------
    numpy.ndarray
        (N, classes) float32; each row sums to 1.
    """
    result = np.full((len(labels), classes), eta / classes, np.float32)
    result[np.arange(len(labels)), labels] = 1 - eta + eta / classes
    return result


def mixup(
    data: np.ndarray, targets: np.ndarray, lam: float, devices: int = 1
) -> Tuple[np.ndarray, np.ndarray]:
    """Mix each device's share of a batch with itself in reverse order: ``lam * z + (1 - lam) *
    z[::-1]`` of data and of targets.

    Parameters
    ----------
    data : numpy.ndarray
        (N, ...) float32.
    targets : numpy.ndarray
        (N, classes) float32.
    lam : float
        Weight in 0..1, drawn from Beta(alpha, alpha); 1 changes nothing.
    devices : int, default 1
        How many near-equal shares the batch is split into afterwards; as in the published code, an
        image's partner is on its own device.
    """
    if lam == 1:
        return data, targets
    others = partners(len(data), devices)
    weight, rest = np.float32(lam), np.float32(1 - lam)
    return (
        weight * data + rest * data[others],
        weight * targets + rest * targets[others],
    )


def partners(count: int, devices: int) -> np.ndarray:
    """Return each image's partner in a batch: its device's share in reverse order."""
    shares = np.array_split(np.arange(count), devices)
    return np.concatenate([share[::-1] for share in shares])


def cutmix(
    data: np.ndarray,
    targets: np.ndarray,
    lam: float,
    rng: np.random.Generator,
    devices: int = 1,
) -> Tuple[np.ndarray, np.ndarray]:
    """Put a box of each image's partner (as `mixup` pairs them) into it, the same box for a batch
    ("CutMix", Yun et al., ICCV 2019, arXiv 1905.04899): its sides are ``sqrt(1 - lam)`` of the
    image's, cut off at the border, and targets are mixed by the area that it has then.

    Parameters
    ----------
    data : numpy.ndarray
        (N, C, H, W) float32.
    targets : numpy.ndarray
        (N, classes) float32.
    lam : float
        Share of the image that stays, before the box is cut off, drawn from Beta(alpha, alpha).
    rng : numpy.random.Generator
        Draws the box's centre, evenly.
    devices : int, default 1
        As of `mixup`.
    """
    sides = data.shape[2:]
    lows, highs = [], []
    for side in sides:
        length, centre = int(side * math.sqrt(1 - lam)), int(rng.integers(side))
        lows.append(max(centre - length // 2, 0))
        highs.append(min(centre + length // 2, side))
    others = partners(len(data), devices)
    (top, left), (bottom, right) = lows, highs
    result = data.copy()
    result[:, :, top:bottom, left:right] = data[others, :, top:bottom, left:right]
    rest = np.float32((bottom - top) * (right - left) / (sides[0] * sides[1]))
    return result, (1 - rest) * targets + rest * targets[others]
