"""Scenes with exact masks: items of Fashion-MNIST, of ten classes, at sizes from small to large,
overlapping on textured backgrounds.

They stand where the paper has StopSign, a part of COCO: a set for segmentation whose scales are
known. A scene is a pure function of the items, the settings, its part and its index, and the same
on every machine, as :mod:`.textures` says of its means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence, Tuple

import cv2
import numpy as np
from PIL import Image

from ..utils.errors import InputError
from ..utils.json_file import ranged
from .datasets.base import Split
from .textures import draw_background, draw_colour, mixed

#: Names of the sizes, from the least.
SIZES = ("small", "middle", "large")
PARTS = ("train", "test")
#: An item's own pixels are those above this level, and the holes that they surround.
THRESHOLD = 10
#: An item's darkest parts are of its colour divided by this.
DARK = 4


@dataclass(frozen=True)
class SceneSettings:
    """What scenes are drawn by.

    Parameters
    ----------
    scales : list of 2 int
        Least and largest side of an item, in pixels; the largest is below 256.
    seed : int
        Of all that is drawn.
    size : int
        Height and width of a scene.
    objects : list of 2 int
        Least and largest number of items in a scene.
    scenes : dict of str to int
        How many scenes each part has.
    """

    scales: List[int] = ranged(1, 255, default_factory=lambda: [8, 96])
    seed: int = 0
    size: int = 128
    objects: List[int] = field(default_factory=lambda: [4, 8])
    scenes: Dict[str, int] = field(default_factory=lambda: {"train": 2000, "test": 500})

    def __post_init__(self):
        for name, limits in (("scales", self.scales), ("objects", self.objects)):
            if len(limits) != 2 or limits[0] > limits[1]:
                raise InputError(f"{{{name}}} takes two numbers, the least first")

    @property
    def bounds(self) -> List[int]:
        """The least sides of a middle and of a large item: they divide the scales in three equal
        ratios.
        """
        low, high = self.scales
        return [round(low * (high / low) ** (part / 3)) for part in (1, 2)]


@dataclass(frozen=True)
class Scene:
    """A scene.

    Parameters
    ----------
    pixels : numpy.ndarray
        (size, size, 3) uint8.
    labels : numpy.ndarray
        (size, size) uint8: the item's class + 1, or 0 for the background.
    sides : numpy.ndarray
        (size, size) uint8: the side of the item that is seen at a pixel, or, on the background, of
        the nearest; so that pixels are divided by the size of what they belong to.
    objects : list of (int, int)
        Label and side of each item of which a pixel is seen.
    """

    pixels: np.ndarray
    labels: np.ndarray
    sides: np.ndarray
    objects: List[Tuple[int, int]]


def by_class(split: Split) -> List[np.ndarray]:
    """Return the images (n, H, W) of each class, of grey images."""
    return [split.images[split.labels == label, 0] for label in range(split.labels.max() + 1)]


def draw_scene(
    items: Sequence[np.ndarray], settings: SceneSettings, part: str, index: int
) -> Scene:
    """Draw a scene: a background, and items from the largest to the smallest, each of a random
    class, in a bright random colour, at a random place; at most half of its side lies outside.

    Parameters
    ----------
    items : sequence of numpy.ndarray
        Of each class its images (n, H, H) uint8, grey on black.
    settings : SceneSettings
        What it is drawn by. Sides are drawn with a density that falls as they grow (as 1 / side),
        so that each of `SIZES` is as frequent.
    part : str
        ``'train'`` or ``'test'``: their random numbers are not the same.
    index : int
        The scene's number.
    """
    rng = np.random.RandomState([settings.seed, PARTS.index(part), index])
    size = settings.size
    pixels = draw_background(size, rng)
    labels = np.zeros((size, size), np.uint8)
    numbers = np.zeros((size, size), int)
    low, high = settings.scales
    choices = np.arange(low, high + 1)
    count = rng.randint(settings.objects[0], settings.objects[1] + 1)
    sides = np.sort(rng.choice(choices, count, p=(1 / choices) / (1 / choices).sum()))[::-1]
    found = [0]
    for number, side in enumerate(sides.tolist(), 1):
        label = rng.randint(len(items))
        shade, cover = scaled_item(items[label][rng.randint(len(items[label]))], side)
        if rng.randint(2):
            shade, cover = shade[:, ::-1], cover[:, ::-1]
        bright = draw_colour(rng)
        top, left = rng.randint(-(side // 2), size - side // 2, 2).tolist()
        seen = tuple(slice(max(0, at), min(size, at + side)) for at in (top, left))
        own = tuple(slice(s.start - at, s.stop - at) for s, at in zip(seen, (top, left)))
        weight = cover[own][..., None].astype(int)
        colours = mixed(shade[own], bright // DARK, bright)
        pixels[seen] = (weight * colours + (255 - weight) * pixels[seen]) // 255
        inside = cover[own] >= 128
        labels[seen][inside] = label + 1
        numbers[seen][inside] = number
        found.append(label + 1)
    visible = [number for number in np.unique(numbers).tolist() if number]
    return Scene(
        pixels,
        labels,
        _nearest_sides(numbers, {number: int(sides[number - 1]) for number in visible}),
        [(found[number], int(sides[number - 1])) for number in visible],
    )


def silhouette(item: np.ndarray) -> np.ndarray:
    """Return which pixels of an item (H, W) uint8 are its own: those above `THRESHOLD`, and the
    holes that they surround.
    """
    inside = np.pad((item > THRESHOLD).astype(np.uint8), 1)
    cv2.floodFill(inside, np.zeros([side + 2 for side in inside.shape], np.uint8), (0, 0), (2,))
    return inside[1:-1, 1:-1] != 2


def scaled_item(item: np.ndarray, side: int) -> Tuple[np.ndarray, np.ndarray]:
    """Scale an item by Pillow's bicubic filter, which averages where it shrinks.

    Parameters
    ----------
    item : numpy.ndarray
        (H, W) uint8.
    side : int
        Height and width to scale it to.

    Returns
    -------
    shade : numpy.ndarray
        Its levels, (side, side) uint8.
    cover : numpy.ndarray
        How much of a pixel its silhouette covers, (side, side) uint8, 255 for all; from 128 on the
        pixel is of its class.
    """
    own = silhouette(item)
    return tuple(  # type: ignore[return-value]
        np.array(Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC))
        for values in (item, own.astype(np.uint8) * 255)
    )


def _nearest_sides(numbers: np.ndarray, sides: Dict[int, int]) -> np.ndarray:
    """Return the side of the item at each pixel, or nearest to it; the smaller of two as near."""
    result = np.zeros(numbers.shape, np.uint8)
    least = np.full(numbers.shape, np.iinfo(int).max)
    for side in sorted(set(sides.values())):
        others = ~np.isin(numbers, [number for number in sides if sides[number] == side])
        distance = cv2.distanceTransform(
            others.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )
        squared = np.rint(distance.astype(float) ** 2).astype(
            int
        )  # as it is, whatever the rounding
        nearer = squared < least
        result[nearer], least[nearer] = side, squared[nearer]
    return result
