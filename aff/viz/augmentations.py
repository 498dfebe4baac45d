"""What a run's augmentation makes of images, epoch by epoch, as tiles of a sheet."""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Sequence

import numpy as np

from ..data.mask_file import IGNORED
from .montage import Tile, thumbnail
from .overlay import colours, overlay

#: The least share of a class that is told, of a mixed image.
LEAST = 0.005


def shares(target: np.ndarray, smoothing: float, names: Optional[Sequence[str]]) -> List[str]:
    """Return the classes of a training target, the greatest share first, as lines: one class alone
    by its name, several with their shares in percent.

    Parameters
    ----------
    target : numpy.ndarray
        (classes,) probabilities.
    smoothing : float
        Label smoothing that is in it, which is taken out.
    names : sequence of str, optional
        Of the classes; without them they are called by their numbers.
    """
    whole = (target - smoothing / len(target)) / (1 - smoothing)
    found = [label for label in np.argsort(-whole, kind="stable") if whole[label] > LEAST]
    called = [str(names[label] if names else label) for label in found]
    if len(found) == 1:
        return called
    return [f"{100 * whole[label]:.0f} % {name}" for label, name in zip(found, called)]


def seen(labels: np.ndarray, names: Optional[Sequence[str]]) -> List[str]:
    """Return the classes of a mask (H, W), that of the most pixels first."""
    found, counts = np.unique(labels[labels != IGNORED], return_counts=True)
    order = found[np.argsort(-counts, kind="stable")]
    return [str(names[label] if names else label) for label in order]


def rows_of(
    train: Any, images: Sequence[int], epochs: Sequence[int], names: Optional[Sequence[str]]
) -> Iterator[List[Tile]]:
    """Yield a row of tiles for each image: as it is, and what it becomes in each epoch; an image
    that has a mask also below it, and so in each epoch, with the classes that are seen.

    Parameters
    ----------
    train : TrainLoader, ImageTrainLoader or MaskTrainLoader
        Gives what the network is trained on.
    images : sequence of int
        Their indices.
    epochs : sequence of int
        Counted from 0.
    names : sequence of str, optional
        Of the classes.
    """
    for index in images:
        title, pixels, label = train.original(index)
        if np.ndim(label):
            row = [Tile(thumbnail(pixels), title, []), _masked(pixels, label, "its mask", names)]
        else:
            row = [Tile(thumbnail(pixels), title, [str(names[label] if names else label)])]
        yield row + [_in_epoch(train, index, epoch, names) for epoch in epochs]


def _masked(
    pixels: np.ndarray, labels: np.ndarray, title: str, names: Optional[Sequence[str]]
) -> Tile:
    """Return an image below its mask."""
    drawn = thumbnail(overlay(pixels, labels))
    return Tile(drawn, title, seen(labels, names), colours(labels, names))


def _in_epoch(train: Any, index: int, epoch: int, names: Optional[Sequence[str]]) -> Tile:
    """Return what an image becomes in an epoch."""
    example, title = train.example(epoch, index), f"epoch {epoch}"
    if example is None:
        return Tile(np.full((1, 1, 3), 255, np.uint8), title, ["left out, not in a full batch"])
    data, target = example
    shown = train.pixels(data[None])[0].transpose(1, 2, 0)
    if target.ndim == 2:
        return _masked(shown, target, title, names)
    return Tile(thumbnail(shown), title, shares(target, train.smoothing, names))
