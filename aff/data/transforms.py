"""What training and evaluation do to images: pure functions of their arguments and a generator.

Of small images whole batches: crop, mirror, normalise. Of ImageNet's one at a time, as mxnet's
`ImageRecordIter` does it with the published settings: random resized crop, mirror, colour jitter,
PCA noise; in evaluation the centre crop.
"""

from __future__ import annotations

import math
from typing import Callable, Sequence

import cv2
import numpy as np

#: Of each channel, red first, on a scale of 0 to 255.
MEAN = np.array((123.68, 116.779, 103.939), np.float32)
STD = np.array((58.393, 57.12, 57.375), np.float32)
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
JITTER, PCA_NOISE = 0.4, 0.1
ATTEMPTS = 10
LEVELS = np.arange(256)
#: How grey comes of red, green and blue. `ImageRecordIter` takes red's share for blue's and the
#: other way round, and the published runs were trained so.
GREY_OF_RGB = cv2.COLOR_BGR2GRAY
#: Principal components of ImageNet's colours, red first (Krizhevsky et al., 2012).
EIGENVALUES = np.array((55.46, 4.794, 1.148))
EIGENVECTORS = np.array(
    ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
)


def random_crop(images: np.ndarray, pad: int, rng: np.random.Generator) -> np.ndarray:
    """Crop each image at a random place after a black border of `pad` pixels: (N, C, H, W) to the
    same shape.
    """
    if pad == 0:
        return images
    n, channels, height, width = images.shape
    padded = np.zeros((n, channels, height + 2 * pad, width + 2 * pad), images.dtype)
    padded[:, :, pad:-pad, pad:-pad] = images
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))  # type: ignore
    top, left = rng.integers(0, 2 * pad + 1, size=(2, n))
    return windows[np.arange(n), :, top, left]


def random_mirror(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror each image left to right with probability 1/2: (N, C, H, W) to the same shape."""
    chosen = rng.random(len(images)) < 0.5
    return np.where(chosen[:, None, None, None], images[..., ::-1], images)


def normalize(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Compute ``(images / 255 - mean) / std`` of each channel, as RGB.

    Parameters
    ----------
    images : numpy.ndarray
        (N, C, H, W) uint8, C = 1 or 3; grey images are repeated three times.
    mean, std : sequence of C float
        On a scale of 0 to 1.

    Returns
    -------
    numpy.ndarray
        (N, 3, H, W) float32.
    """
    scale = (1 / (255 * np.asarray(std, np.float64))).astype(np.float32)[:, None, None]
    shift = (np.asarray(mean, np.float64) / np.asarray(std, np.float64)).astype(np.float32)[
        :, None, None
    ]
    result = np.multiply(images, scale, dtype=np.float32)
    result -= shift
    return result if images.shape[1] == 3 else np.repeat(result, 3, axis=1)


def denormalize(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Undo `normalize`: (N, 3, H, W) float32 to uint8; what is beyond black or white, as of erased
    boxes, is cut off there.
    """
    scale, shift = (np.asarray(value, np.float64)[:, None, None] for value in (std, mean))
    return _levels(255 * (images * scale + shift))


def random_resized_crop(pixels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random part of the image, of a share of its area in `AREA` and an aspect ratio in
    `ASPECT`, scaled to (size, size, 3).

    Where no such part fits in `ATTEMPTS` draws, the largest central square.
    """
    height, width = pixels.shape[:2]
    for _ in range(ATTEMPTS):
        area = rng.uniform(*AREA) * height * width
        ratio = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            break
    else:
        w = h = min(height, width)
        top, left = (height - h) // 2, (width - w) // 2
    part = pixels[top : top + h, left : left + w]
    return cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)


def _levels(values: np.ndarray) -> np.ndarray:
    """Round values to whole levels from 0 to 255."""
    return np.rint(values).clip(0, 255).astype(np.uint8)


def colour_jitter(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast and saturation, each by a factor in 1 +- `JITTER`, in random
    order; levels are rounded and clipped after each, as `ImageRecordIter` does: (H, W, 3) uint8 to
    the same.
    """
    brightness, contrast, saturation = rng.uniform(1 - JITTER, 1 + JITTER, 3)
    for kind in rng.permutation(3):
        if kind == 0:
            pixels = cv2.LUT(pixels, _levels(brightness * LEVELS))
            continue
        grey = cv2.cvtColor(pixels, GREY_OF_RGB)
        if kind == 1:
            shift = (1 - contrast) * cv2.mean(grey)[0]
            pixels = cv2.LUT(pixels, _levels(contrast * LEVELS + shift))
        else:
            grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
            pixels = cv2.addWeighted(pixels, saturation, grey, 1 - saturation, 0)
    return pixels


def noisy_normalized(pixels: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Add `noise`, (3,), to each channel, cut to whole levels from 0 to 255 as `ImageRecordIter`
    does, and normalise: (H, W, 3) uint8 to float32.
    """
    table = (LEVELS[:, None] + noise).clip(0, 255).astype(np.uint8)
    return cv2.LUT(pixels, ((table - MEAN) / STD).astype(np.float32)[:, None])


def training_view(
    pixels: np.ndarray,
    size: int,
    rng: np.random.Generator,
    policy: Callable[[np.ndarray], np.ndarray] = lambda view: view,
) -> np.ndarray:
    """Return an augmented, normalised view (size, size, 3) float32 of an image (H, W, 3) uint8;
    `policy` acts between the mirror and the colour jitter.
    """
    view = random_resized_crop(pixels, size, rng)
    if rng.random() < 0.5:
        view = cv2.flip(view, 1)
    view = colour_jitter(policy(view), rng)
    noise = EIGENVECTORS @ (rng.normal(0, PCA_NOISE, 3) * EIGENVALUES)
    return noisy_normalized(view, noise)


def scaled_side(size: int, crop_ratio: float) -> int:
    """Return the pixels of the shorter side that a centre of so many pixels is cropped from: ``size
    / crop_ratio``, rounded up.
    """
    return math.ceil(round(size / crop_ratio, 6))


def central_square(
    pixels: np.ndarray, size: int, shorter_side: int, interpolation: int = cv2.INTER_LINEAR
) -> np.ndarray:
    """Return the centre (size, size, ...) of an image (H, W, ...) uint8 whose shorter side is
    scaled to so many pixels first.
    """
    height, width = pixels.shape[:2]
    shorter = min(height, width)
    scaled = (shorter_side * width // shorter, shorter_side * height // shorter)
    if scaled != (width, height):
        pixels = cv2.resize(pixels, scaled, interpolation=interpolation)
    top, left = ((side - size) // 2 for side in pixels.shape[:2])
    return pixels[top : top + size, left : left + size]


def small_square(pixels: np.ndarray, size: int, channels: int = 3) -> np.ndarray:
    """Return the centre square of an image whose shorter side is scaled to its side, averaged over
    areas where it shrinks: (H, W, 3) uint8 to (channels, size, size) uint8; of 1 channel it is
    grey.
    """
    if channels == 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    shrinks = min(pixels.shape[:2]) > size
    square = central_square(pixels, size, size, cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return square.reshape(size, size, -1).transpose(2, 0, 1)


def central_view(pixels: np.ndarray, size: int, crop_ratio: float) -> np.ndarray:
    """Return the normalised centre (size, size, 3) float32 of an image (H, W, 3) uint8 whose
    shorter side is scaled to ``size / crop_ratio`` first, bilinearly, as `ImageRecordIter` does it.
    """
    return (central_square(pixels, size, scaled_side(size, crop_ratio)) - MEAN) / STD
