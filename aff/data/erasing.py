"""Random erasing ("Random Erasing Data Augmentation", Zhong et al., AAAI 2020, arXiv 1708.04896),
with the ranges and the noise of timm's.
"""

from __future__ import annotations

import math
from typing import Optional, Tuple

import numpy as np

AREA, ASPECT = (0.02, 1 / 3), (0.3, 1 / 0.3)
ATTEMPTS = 10


def erased_box(
    height: int, width: int, rng: np.random.Generator
) -> Optional[Tuple[int, int, int, int]]:
    """Return top, left, height and width of a box of a share of the area in `AREA` and an aspect
    ratio in `ASPECT` (drawn evenly on a logarithmic scale), or None where `ATTEMPTS` draws do not
    fit.
    """
    for _ in range(ATTEMPTS):
        area = rng.uniform(*AREA) * height * width
        ratio = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < h < height and 0 < w < width:
            top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            return int(top), int(left), h, w
    return None


def random_erasing(image: np.ndarray, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Return a normalised image (H, W, C) float32 of which, with a probability, a box is standard
    normal noise.
    """
    box = None
    if rng.random() < probability:
        box = erased_box(image.shape[0], image.shape[1], rng)
    if not box:
        return image
    top, left, height, width = box
    result = image.copy()
    noise = rng.standard_normal((height, width, image.shape[2]), dtype=np.float32)
    result[top : top + height, left : left + width] = noise
    return result
