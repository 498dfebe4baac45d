"""Images beside each other, each with what a network sees in it."""

from __future__ import annotations

import math
from typing import List, NamedTuple, Sequence

import cv2
import numpy as np

from .figures import figure, plain

#: Images of a picture, at most, and pixels of the longer side that are kept of each.
LIMIT, SIDE = 64, 224
COLUMNS = 8
#: Classes below an image, and characters of a line.
CAPTIONS, CHARACTERS = 3, 28


class Tile(NamedTuple):
    """An image with its captions.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8.
    title : str
        What stands above it.
    captions : list of str
        Lines below it.
    """

    pixels: np.ndarray
    title: str
    captions: List[str]


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8 whose longer side has at most `SIDE` pixels."""
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _line(text: str) -> str:
    short = text if len(text) <= CHARACTERS else f"{text[: CHARACTERS - 1]}…"
    return plain(short)


def draw_montage(tiles: Sequence[Tile], path: str) -> None:
    """Draw images in a grid, each with its title above and its first captions below, as a PNG."""
    columns = min(COLUMNS, math.ceil(math.sqrt(len(tiles))))
    rows = math.ceil(len(tiles) / columns)
    with figure(path, rows, columns, (2.0, 2.6)) as (drawn, axes):
        drawn.get_layout_engine().set(h_pad=0.1)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, tile in zip(axes.flat, tiles):
            axis.imshow(tile.pixels)
            axis.set_title(_line(tile.title), fontsize=7)
            text = "\n".join(map(_line, tile.captions[:CAPTIONS]))
            axis.text(0.5, -0.03, text, transform=axis.transAxes, ha="center", va="top", fontsize=8)
