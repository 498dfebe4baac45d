"""Backgrounds that are made: noise of several octaves, stripes and gradients, in two muted
colours.

Only whole numbers, `numpy.random.RandomState`, whose numbers are the same in every version, and
Pillow's scaling of 8-bit levels, which is in whole numbers too: the same everywhere.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

#: Pixels that a cell of each octave of noise has, and how much the octave weighs.
OCTAVES = ((64, 8), (32, 6), (16, 4), (8, 3), (4, 2))
PERIODS = (6, 48)  # of stripes, pixels
GRAIN = 12  # levels that single pixels differ by, up or down
#: Levels of a background, how far its two colours are from it, and their channels from each other.
MUTED, SPREAD, TINT = (72, 184), 40, 20


def draw_background(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return a textured background, (size, size, 3) uint8."""
    shade = noise(size, rng)
    kind = rng.randint(3)
    if kind:
        pattern = stripes(size, rng) if kind == 1 else gradient(size, rng)
        weight = rng.randint(64, 193)
        shade = (weight * pattern + (256 - weight) * shade) // 256
    level = rng.randint(*MUTED)
    dark, bright = (level + step + rng.randint(-TINT, TINT + 1, 3) for step in (-SPREAD, SPREAD))
    pixels = mixed(shade, dark, bright).astype(int)
    return (pixels + rng.randint(-GRAIN, GRAIN + 1, pixels.shape)).clip(0, 255).astype(np.uint8)


def draw_colour(rng: np.random.RandomState) -> np.ndarray:
    """Return a bright, saturated colour, (3,) integers: a channel at 255, one below 64."""
    return rng.permutation([255, rng.randint(0, 64), rng.randint(0, 256)])


def mixed(shade: np.ndarray, dark: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """Return a picture in two colours: `dark` where `shade` is 0, `bright` where it is 255.

    Parameters
    ----------
    shade : numpy.ndarray
        (H, W) integers.
    dark, bright : numpy.ndarray
        Colours, (3,) integers.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.
    """
    shade = shade[..., None].astype(int)
    return ((shade * bright + (255 - shade) * dark) // 255).astype(np.uint8)


def noise(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return noise of several octaves, (size, size) integers from 0 to 255, spread over them."""
    total = np.zeros((size, size), int)
    for cell, weight in OCTAVES:
        cells = size // cell + 2
        levels = Image.fromarray(rng.randint(0, 256, (cells, cells)).astype(np.uint8))
        left, top = rng.randint(0, cell, 2).tolist()
        scaled = np.array(
            levels.resize((cells * cell, cells * cell), Image.Resampling.BICUBIC), int
        )
        total += weight * scaled[top : top + size, left : left + size]
    return spread(total)


def stripes(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return stripes of any direction, with hard or soft edges, as `noise`."""
    phase = _along(size, rng) % (4 * rng.randint(*PERIODS))
    triangle = np.abs(2 * phase - phase.max())
    return spread(triangle > triangle.max() // 2) if rng.randint(2) else spread(triangle)


def gradient(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return levels that rise in a direction, as `noise`."""
    return spread(_along(size, rng))


def spread(values: np.ndarray) -> np.ndarray:
    """Return values shifted and scaled to whole levels from 0 to 255, of which both occur."""
    values = values.astype(int) - int(values.min())
    return 255 * values // max(1, int(values.max()))


def _along(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return how far each pixel lies in a direction, in steps of about a quarter of a pixel."""
    across, down = ((4, 0), (0, 4), (3, 3), (3, -3), (4, 2), (2, 4), (4, -2), (2, -4))[
        rng.randint(8)
    ]
    rows, columns = np.indices((size, size))
    return across * columns + down * rows
