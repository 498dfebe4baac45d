"""Masks over their images."""

from __future__ import annotations

from typing import Dict, Optional, Sequence

import numpy as np

from ..data.mask_file import IGNORED, palette

#: Share of the mask's colour.
OPACITY = 0.5


def overlay(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8 with the colours of its labels (H, W) laid over it, as masks'
    files have them; the first class, the background, stays as it is.
    """
    mixed = (1 - OPACITY) * pixels + OPACITY * palette()[labels]
    return np.where(labels[..., None] > 0, np.rint(mixed), pixels).astype(np.uint8)


def colours(labels: np.ndarray, names: Optional[Sequence[str]]) -> Dict[str, np.ndarray]:
    """Return what the colours of an overlay mean: by the name of each class that is laid over the
    image, or its number, (3,) uint8, in the classes' order.
    """
    seen = [label for label in np.unique(labels) if label > 0]
    called = {IGNORED: "not counted", **dict(enumerate(names or ()))}
    return {called.get(label, f"class {label}"): palette()[label] for label in seen}
