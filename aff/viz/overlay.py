"""Masks over their images."""

from __future__ import annotations

import numpy as np

from ..data.mask_file import palette

#: Share of the mask's colour.
OPACITY = 0.5


def overlay(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8 with the colours of its labels (H, W) laid over it, as masks'
    files have them; the first class, the background, stays as it is.
    """
    mixed = (1 - OPACITY) * pixels + OPACITY * palette()[labels]
    return np.where(labels[..., None] > 0, np.rint(mixed), pixels).astype(np.uint8)
