"""AutoAugment: the policies that "AutoAugment: Learning Augmentation Policies from Data" (Cubuk et
al., CVPR 2019, arXiv 1805.09501, Tables 7 and 9) found for CIFAR-10 and ImageNet, over Pillow.

A policy is 25 pairs of operations, one of which is drawn for an image; each operation happens with
its probability, at a level from 0 to 9 of the operation's range. Directions and signs are drawn.
Pixels that come into view are grey, (128, 128, 128).
"""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

LEVELS = 9
GREY = (128, 128, 128)
SMOOTH = Image.Resampling.BICUBIC
Operation = Tuple[str, float, int]

IMAGENET: Tuple[Tuple[Operation, Operation], ...] = (
    (("Posterize", 0.4, 8), ("Rotate", 0.6, 9)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 5)),
    (("Equalize", 0.8, 8), ("Equalize", 0.6, 3)),
    (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
    (("Equalize", 0.4, 7), ("Solarize", 0.2, 4)),
    (("Equalize", 0.4, 4), ("Rotate", 0.8, 8)),
    (("Solarize", 0.6, 3), ("Equalize", 0.6, 7)),
    (("Posterize", 0.8, 5), ("Equalize", 1.0, 2)),
    (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)),
    (("Equalize", 0.6, 8), ("Posterize", 0.4, 6)),
    (("Rotate", 0.8, 8), ("Color", 0.4, 0)),
    (("Rotate", 0.4, 9), ("Equalize", 0.6, 2)),
    (("Equalize", 0.0, 7), ("Equalize", 0.8, 8)),
    (("Invert", 0.6, 4), ("Equalize", 1.0, 8)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
    (("Color", 0.8, 8), ("Solarize", 0.8, 7)),
    (("Sharpness", 0.4, 7), ("Invert", 0.6, 8)),
    (("ShearX", 0.6, 5), ("Equalize", 1.0, 9)),
    (("Color", 0.4, 0), ("Equalize", 0.6, 3)),
    (("Equalize", 0.4, 7), ("Solarize", 0.2, 4)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 5)),
    (("Invert", 0.6, 4), ("Equalize", 1.0, 8)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Equalize", 0.8, 8), ("Equalize", 0.6, 3)),
)
CIFAR: Tuple[Tuple[Operation, Operation], ...] = (
    (("Invert", 0.1, 7), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, 8), ("Equalize", 0.9, 2)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, 5), ("Equalize", 0.5, 1)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, 7), ("AutoContrast", 0.4, 8)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, 3)),
    (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.2, 8), ("Equalize", 0.6, 4)),
    (("Color", 0.9, 9), ("Equalize", 0.6, 6)),
    (("AutoContrast", 0.8, 4), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 3)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, 2), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, 8), ("Invert", 0.1, 3)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 1)),
)


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, SMOOTH, fillcolor=GREY)


def _enhanced(kind) -> Callable[[Image.Image, float], Image.Image]:
    """Enhance by a factor of 1 - 0.9 to 1 + 0.9."""
    return lambda image, level: kind(image).enhance(1 + 0.9 * level)


#: Each gets an image and its level as a share of its range, from -1 to 1; the sign counts only
#: where the operation has a direction.
OPERATIONS: Dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "ShearX": lambda image, level: _affine(image, 1, 0.3 * level, 0, 0, 1, 0),
    "ShearY": lambda image, level: _affine(image, 1, 0, 0, 0.3 * level, 1, 0),
    "TranslateX": lambda image, level: _affine(
        image, 1, 0, 150 / 331 * level * image.size[0], 0, 1, 0
    ),
    "TranslateY": lambda image, level: _affine(
        image, 1, 0, 0, 0, 1, 150 / 331 * level * image.size[1]
    ),
    "Rotate": lambda image, level: image.rotate(30 * level, SMOOTH, fillcolor=GREY),
    "Color": _enhanced(ImageEnhance.Color),
    "Contrast": _enhanced(ImageEnhance.Contrast),
    "Brightness": _enhanced(ImageEnhance.Brightness),
    "Sharpness": _enhanced(ImageEnhance.Sharpness),
    "Posterize": lambda image, level: ImageOps.posterize(image, 8 - round(4 * abs(level))),
    "Solarize": lambda image, level: ImageOps.solarize(image, round(256 * (1 - abs(level)))),
    "AutoContrast": lambda image, level: ImageOps.autocontrast(image),
    "Equalize": lambda image, level: ImageOps.equalize(image),
    "Invert": lambda image, level: ImageOps.invert(image),
}


def auto_augment(
    pixels: np.ndarray, policy: Tuple[Tuple[Operation, Operation], ...], rng: np.random.Generator
) -> np.ndarray:
    """Return an image (H, W, 3) uint8 after one pair of a policy's operations.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8, red first.
    policy : tuple
        `CIFAR` or `IMAGENET`.
    rng : numpy.random.Generator
        Draws the pair, what happens of it, and directions.
    """
    image = Image.fromarray(pixels)
    for name, probability, level in policy[rng.integers(len(policy))]:
        happens, sign = rng.random() < probability, rng.choice((-1, 1))
        if happens:
            image = OPERATIONS[name](image, sign * min(level, LEVELS) / LEVELS)
    return np.asarray(image)
