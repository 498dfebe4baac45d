"""RandAugment ("RandAugment: Practical automated data augmentation with a reduced search space",
Cubuk et al., NeurIPS 2020, arXiv 1909.13719): N operations, each drawn anew from 14 with equal
probability, all at magnitude M, over Pillow.

Ranges are those of AutoAugment's Table 6, M from 0 to 10: rotation to 30 degrees, shears to 0.3,
translations to 150 / 331 of the side, thresholds of solarizing from 256 to 0, 8 to 4 bits, factors
of colour, contrast, brightness and sharpness from 0.1 to 1.9. Directions are drawn.
"""

from __future__ import annotations

from typing import Callable, Dict

import numpy as np
from PIL import Image

from .auto_augment import LEVELS, OPERATIONS, affine, posterized

#: Share of the side that the largest translation moves an image by.
TRANSLATION = 150 / 331


def _moved(image: Image.Image, level: int, sign: int, axis: int) -> Image.Image:
    distance = sign * round(TRANSLATION * image.size[axis] * level / LEVELS)
    return affine(image, 1, 0, distance * (axis == 0), 0, 1, distance * (axis == 1))


_SHARED = (
    *("AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Contrast", "Brightness"),
    *("Sharpness", "ShearX", "ShearY"),
)
#: The paper's operations; each gets an image, its magnitude and a sign.
SPACE: Dict[str, Callable[[Image.Image, int, int], Image.Image]] = {
    "Identity": lambda image, level, sign: image,
    **{name: OPERATIONS[name] for name in _SHARED},
    "Posterize": lambda image, level, sign: posterized(image, 8 - int(4 * level / LEVELS)),
    "TranslateX": lambda image, level, sign: _moved(image, level, sign, 0),
    "TranslateY": lambda image, level, sign: _moved(image, level, sign, 1),
}
_NAMES = tuple(SPACE)


def rand_augment(
    pixels: np.ndarray, count: int, magnitude: int, rng: np.random.Generator
) -> np.ndarray:
    """Return an image (H, W, 3) uint8 after so many operations of `SPACE`.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8, red first.
    count : int
        N.
    magnitude : int
        M, from 0 to 10.
    rng : numpy.random.Generator
        Draws operations and directions.
    """
    image = Image.fromarray(pixels)
    for _ in range(count):
        name, sign = _NAMES[rng.integers(len(_NAMES))], rng.choice((-1, 1))
        image = SPACE[name](image, magnitude, int(sign))
    return np.asarray(image)
