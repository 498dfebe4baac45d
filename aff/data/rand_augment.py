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

from .auto_augment import LEVELS, OPERATIONS, drawn_sign, translate
from .levels import posterize

#: Share of the side that the largest translation moves an image by.
TRANSLATION = 150 / 331


def _moved(image: Image.Image, level: int, sign: int, axis: int) -> Image.Image:
    distance = sign * round(TRANSLATION * image.size[axis] * level / LEVELS)
    return translate(image, distance * (axis == 0), distance * (axis == 1))


_SHARED = (
    *("AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Contrast", "Brightness"),
    *("Sharpness", "ShearX", "ShearY"),
)
#: The paper's operations; each gets an image, its magnitude and a sign.
SPACE: Dict[str, Callable[[Image.Image, int, int], Image.Image]] = {
    "Identity": lambda image, level, sign: image,
    **{name: OPERATIONS[name] for name in _SHARED},
    "Posterize": lambda image, level, sign: posterize(image, 8 - int(4 * level / LEVELS)),
    "TranslateX": lambda image, level, sign: _moved(image, level, sign, 0),
    "TranslateY": lambda image, level, sign: _moved(image, level, sign, 1),
}
_NAMES = tuple(SPACE)


def rand_augment(
    pixels: np.ndarray, count: int, magnitude: int, rng: np.random.Generator
) -> np.ndarray:
    """Return an image (H, W, C) uint8 after so many operations of `SPACE`; a grey one as if its
    values were repeated three times.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8, red first, or (H, W, 1).
    count : int
        N.
    magnitude : int
        M, from 0 to 10.
    rng : numpy.random.Generator
        Draws operations and directions.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    for _ in range(count):
        name, sign = _NAMES[rng.integers(len(_NAMES))], drawn_sign(rng)
        image = SPACE[name](image, magnitude, sign)
    return np.asarray(image).reshape(pixels.shape)
