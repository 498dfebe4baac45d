"""AutoAugment: the policies that "AutoAugment: Learning Augmentation Policies from Data" (Cubuk et
al., CVPR 2019, arXiv 1805.09501, Tables 7 and 9) found for CIFAR-10 and ImageNet, over Pillow, with
the magnitudes that the published runs had (autogluon 0.0.14's).

A policy is 25 pairs of operations, one of which is drawn for an image; each operation happens with
its probability, at its level. Directions are drawn; brightness, contrast, colour and sharpness have
none: their levels run from a factor of 0.1 to 1.9.
"""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import numpy as np
from PIL import Image, ImageEnhance

from .levels import auto_contrast, equalize, posterize, solarize

LEVELS = 10
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


def shear(image: Image.Image, x: float, y: float) -> Image.Image:
    matrix = (1, x, 0, y, 1, 0)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def translate(image: Image.Image, x: int, y: int) -> Image.Image:
    """Move by whole pixels, between which nothing has to be interpolated."""
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, x, 0, 1, y))


def _enhanced(kind) -> Callable[[Image.Image, int, int], Image.Image]:
    """Enhance by a factor of 0.1 to 1.9: low levels darken, or grey."""
    return lambda image, level, sign: kind(image).enhance(0.1 + 1.8 * level / LEVELS)


def drawn_sign(rng: np.random.Generator) -> int:
    """Return -1 or 1, as ``rng.choice((-1, 1))`` draws it, in a third of the time."""
    return 2 * int(rng.integers(2)) - 1


#: Each gets an image, its level L from 0 to `LEVELS`, and a sign that counts where the operation
#: has a direction. What is moved in is black.
OPERATIONS: Dict[str, Callable[[Image.Image, int, int], Image.Image]] = {
    "ShearX": lambda image, level, sign: shear(image, sign * 0.3 * level / LEVELS, 0),
    "ShearY": lambda image, level, sign: shear(image, 0, sign * 0.3 * level / LEVELS),
    "TranslateX": lambda image, level, sign: translate(image, sign * int(10 * level / LEVELS), 0),
    "TranslateY": lambda image, level, sign: translate(image, 0, sign * int(10 * level / LEVELS)),
    "Rotate": lambda image, level, sign: image.rotate(sign * int(30 * level / LEVELS)),
    "Color": _enhanced(ImageEnhance.Color),
    "Contrast": _enhanced(ImageEnhance.Contrast),
    "Brightness": _enhanced(ImageEnhance.Brightness),
    "Sharpness": _enhanced(ImageEnhance.Sharpness),
    "Posterize": lambda image, level, sign: posterize(image, 4 - int(4 * level / LEVELS)),
    "Solarize": lambda image, level, sign: solarize(image, 256 - int(256 * level / LEVELS)),
    "AutoContrast": lambda image, level, sign: auto_contrast(image),
    "Equalize": lambda image, level, sign: equalize(image),
    "Invert": lambda image, level, sign: solarize(image, 0),
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
        happens, sign = rng.random() < probability, drawn_sign(rng)
        if happens:
            image = OPERATIONS[name](image, level, sign)
    return np.asarray(image)
