"""A data set in memory: its images, its labels, and all that a network and an augmentation must
know of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

import numpy as np

from ...utils.errors import InputError


@dataclass(frozen=True)
class Split:
    """Images and labels that belong together.

    Parameters
    ----------
    images : numpy.ndarray
        (N, C, H, W) uint8; C is 3, or 1 for grey images, which networks are shown as RGB.
    labels : numpy.ndarray
        (N,) int32.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sums(self) -> Dict[str, str]:
        """The sum of images and labels."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        for array in (self.images, self.labels):
            digest.update(np.ascontiguousarray(array).data)
        return {"contents": digest.hexdigest()}

    def take(self, indices: np.ndarray) -> Split:
        """Return the images and labels at `indices`."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class DataSet:
    """A data set with what belongs to it.

    Parameters
    ----------
    name : str
        Of its record.
    classes : int
        Number of outputs that a network for it has.
    mean, std : tuple of float
        Of each channel, on a scale of 0 to 1.
    train, test : Split
        The two parts; `test`, which some folders of images lack, is never trained on.
    mirror : bool
        Whether a mirrored image is still an image of its class.
    pad : int
        Pixels of black border that a random crop may reach into.
    label_set : str, optional
        Which labels these are, where the data set has several.
    source : str
        Where it was read from, with a note where the files are not the published ones.
    val : Split, optional
        Part of the training set that was held out for model selection.
    """

    name: str
    classes: int
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    train: Split
    test: Optional[Split]
    mirror: bool
    pad: int = 4
    label_set: Optional[str] = None
    source: str = "its reader"
    val: Optional[Split] = None

    def __post_init__(self):
        for part, split in self.parts().items():
            if len(split) == 0:
                raise InputError(f"{self.name}: the {part} part holds no images ({self.source})")
            outside = (split.labels < 0) | (split.labels >= self.classes)
            if outside.any():
                position = int(outside.argmax())
                raise InputError(
                    f"{self.name}: {part} label {split.labels[position]} at position {position} "
                    f"is not in 0..{self.classes - 1} ({self.source})"
                )

    def parts(self) -> Dict[str, Split]:
        """Return the parts that there are, by name: 'train', 'val' and 'test'."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: split for name, split in parts.items() if split is not None}

    @property
    def tested(self) -> Split:
        """The part that results are counted over: `test`, or `val` where there is none."""
        return next(split for split in (self.test, self.val, self.train) if split is not None)

    @property
    def size(self) -> int:
        """Height and width of the images."""
        return self.train.images.shape[-1]

    def hold_out(self, fraction: float, seed: int = 0) -> DataSet:
        """Move a stratified `fraction` of the training images to a part `val`.

        Raises
        ------
        InputError
            When either part would be left without an image.
        """
        held = held_out(self.train.labels, fraction, seed)
        return replace(self, train=self.train.take(~held), val=self.train.take(held))

    def draw(self, fraction: float, seed: int) -> DataSet:
        """Leave a `drawn` fraction of the training images, where it is not all of them."""
        if fraction == 1:
            return self
        chosen, told = drawn(self.train.labels, fraction, seed)
        return replace(self, train=self.train.take(chosen), source=f"{self.source} ({told})")


def held_out(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Return a mask (N,) of the training images to hold out, `stratified`.

    Raises
    ------
    InputError
        When either part would be left without an image.
    """
    held = stratified(labels, fraction, seed)
    if held.all() or not held.any():
        raise InputError(
            f"{{val_split}} {fraction:g} of {len(labels)} training images holds out "
            f"{int(held.sum())}: name another fraction"
        )
    return held


def drawn(labels: np.ndarray, fraction: float, seed: int) -> Tuple[np.ndarray, str]:
    """Return a mask (N,) of the training images that a run is content with, `stratified`, of each
    class at least one, and what to call them in a message.
    """
    chosen = stratified(labels, fraction, seed, least=1)
    return chosen, f"{chosen.sum():,} of {len(labels):,} drawn by seed {seed}"


def stratified(labels: np.ndarray, fraction: float, seed: int, least: int = 0) -> np.ndarray:
    """Return a mask (N,) that picks `fraction` of each class at random (rounded), always the same
    for one seed, and of each class at least so many.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        count = max(least, int(round(fraction * len(indices))))
        mask[rng.permutation(indices)[:count]] = True
    return mask
