"""Images beside each other, each with what a network sees in it."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import List, Mapping, NamedTuple, Optional, Sequence

import cv2
import numpy as np
from matplotlib.patches import Patch

from ..utils.figures import figure, plain
from ..utils.report import printable

#: Images of a picture, at most, and pixels of the longer side that are kept of each.
LIMIT, SIDE = 64, 224
COLUMNS = 8
#: Inches: of a cell, of the square that its image fits in, of what is above that, and of a line of
#: the colours' meanings.
CELL, BOX, TOP, KEY = (2.0, 2.65), 1.85, 0.24, 0.25
#: Classes below an image, and characters of a line.
CAPTIONS, CHARACTERS = 3, 28


class Tile(NamedTuple):
    """An image with its captions.

    Attributes
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8.
    title : str
        What stands above it.
    captions : list of str
        Lines below it.
    colours : dict, optional
        Classes whose colours lie over it, (3,) uint8 each.
    """

    pixels: np.ndarray
    title: str
    captions: List[str]
    colours: Mapping[str, np.ndarray] = MappingProxyType({})


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8 whose longer side has at most `SIDE` pixels."""
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _line(text: str) -> str:
    return plain(printable(text, CHARACTERS))


def draw_montage(tiles: Sequence[Tile], path: str, columns: Optional[int] = None) -> None:
    """Draw images in a grid, each with its title above and its first captions below, as a PNG;
    about as many columns as rows where their number is not given. Below all of them stands what
    their colours mean.
    """
    columns = columns or min(COLUMNS, math.ceil(math.sqrt(len(tiles))))
    rows = math.ceil(len(tiles) / columns)
    width, height = CELL
    legend = {name: colour for tile in tiles for name, colour in tile.colours.items()}
    whole = height * rows + KEY * math.ceil(len(legend) / columns)
    with figure(path, 1, 1, (width * columns, whole), layout=None) as (_, axes):
        axis = axes[0, 0]  # one for all: dozens take matplotlib many seconds
        axis.set_position((0, 0, 1, 1))
        for number, tile in enumerate(tiles):
            row, column = divmod(number, columns)
            _draw_tile(axis, tile, width * (column + 0.5), height * row + TOP)
        axis.set_xlim(0, width * columns)
        axis.set_ylim(whole, 0)
        axis.set_axis_off()
        if legend:
            keys = [
                Patch(color=f"#{bytes(c).hex()}", label=_line(name)) for name, c in legend.items()
            ]
            axis.legend(handles=keys, loc="lower center", ncol=columns, fontsize=8, frameon=False)


def _draw_tile(axis, tile: Tile, middle: float, top: float) -> None:
    """Draw a tile whose image lies below `top`, around `middle`, both in inches."""
    pixels = tile.pixels
    scale = BOX / max(pixels.shape[:2])
    height, width = (scale * side for side in pixels.shape[:2])
    bottom = top + height
    extent = (middle - width / 2, middle + width / 2, bottom, top)
    axis.imshow(pixels, extent=extent, aspect="auto")
    axis.text(middle, top - 0.04, _line(tile.title), ha="center", va="bottom", fontsize=7)
    text = "\n".join(map(_line, tile.captions[:CAPTIONS]))
    axis.text(middle, bottom + 0.05, text, ha="center", va="top", fontsize=8)
