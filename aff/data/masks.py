"""Images with a mask each: read, checked, counted."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Dict, List, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..utils.errors import InputError
from ..utils.opening import read_bytes
from .decoding import decode
from .file_sums import sum_of_names, sums_of_files
from .image_file import MAX_BYTES, read_size
from .loader import prefetch
from .mask_file import IGNORED, decode_mask

Pairs = List[Tuple[str, str]]


@dataclass(frozen=True)
class MaskedImages:
    """Images, each with the class of all its pixels.

    Parameters
    ----------
    source : str
        Where they are, for messages.
    folder : str
        The folder that names are given in.
    pairs : list of (str, str)
        Paths of each image and its mask.
    classes : list of str
        Names, in the order of the labels.
    """

    source: str
    folder: str
    pairs: Pairs
    classes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        """Return what to call an image in a message: its path."""
        return self.pairs[index][0]

    def read(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return an image (H, W, 3) uint8, red first, and its labels (H, W) uint8.

        Raises
        ------
        InputError
            For files that cannot be read or decoded, a mask of another size than its image, and
            labels that are no class and not `IGNORED`.
        """
        path = self.pairs[index][0]
        pixels, labels = decode(read_bytes(path, MAX_BYTES), path), self.labels(index)
        self._check_size(index, pixels.shape[1::-1], labels.shape[::-1])
        return pixels, labels

    def labels(self, index: int) -> np.ndarray:
        """Return an image's labels alone, as `read` does; where the classes are not known yet, all
        are taken.
        """
        path = self.pairs[index][1]
        labels = decode_mask(read_bytes(path, MAX_BYTES), path)
        beyond = (labels >= len(self.classes)) & (labels != IGNORED)
        if self.classes and beyond.any():
            raise InputError(
                f"{path}: label {labels[beyond][0]} is not in 0..{len(self.classes) - 1}, nor "
                f"{IGNORED}, which is ignored"
            )
        return labels

    @cached_property
    def sizes(self) -> np.ndarray:
        """Height and width of each image, (N, 2) integers, by the files' headers.

        Raises
        ------
        InputError
            For a mask of another size than its image.
        """
        return np.array([self._size(index) for index in range(len(self))])

    def readable_sizes(self) -> np.ndarray:
        """Return the `sizes` of those images whose files can be read, (n, 2)."""
        found = []
        for index in range(len(self)):
            with contextlib.suppress(InputError):
                found.append(self._size(index))
        return np.array(found) if found else self.sizes

    def _size(self, index: int) -> Tuple[int, int]:
        image, mask = self.pairs[index]
        width, height = read_size(image)
        self._check_size(index, (width, height), read_size(mask, upright=False))
        return height, width

    def _check_size(self, index: int, image: Sequence[int], mask: Sequence[int]) -> None:
        if tuple(image) != tuple(mask):
            raise InputError(
                f"{self.pairs[index][1]}: a mask of {mask[0]} x {mask[1]} pixels, its image "
                f"{self.name(index)} has {image[0]} x {image[1]}"
            )

    def count_pixels(self, workers: int = 0, strict: bool = True) -> np.ndarray:
        """Return how many pixels have each label, (256,) int64; so every mask is read once.

        Parameters
        ----------
        workers : int, default 0
            Threads that decode.
        strict : bool, default True
            Whether a mask that cannot be read is an error; otherwise it has no pixels.

        Raises
        ------
        InputError
            As `read`, as far as masks show it.
        """

        def count(index: int) -> np.ndarray:
            with contextlib.nullcontext() if strict else contextlib.suppress(InputError):
                return np.bincount(self.labels(index).ravel(), minlength=256)
            return np.zeros(256, np.int64)

        counts = prefetch(count, len(self), workers, 16 * (workers + 1))
        shown = tqdm(counts, "read masks", len(self), leave=False, unit="mask", disable=None)
        return np.sum(list(shown), axis=0, dtype=np.int64)

    def order(self) -> str:
        """Return a sum of the images' and masks' names in their order."""
        return sum_of_names(
            os.path.relpath(path, self.folder) for pair in self.pairs for path in pair
        )

    @cached_property
    def sums(self) -> Dict[str, str]:
        """Those of the images' and the masks' files."""
        return sums_of_files(path for pair in self.pairs for path in pair)

    def part(self, chosen: np.ndarray, name: str) -> MaskedImages:
        """Return the images that a mask (N,) chooses, under a name for messages."""
        pairs = [self.pairs[index] for index in np.flatnonzero(chosen)]
        return replace(self, source=f"{self.source} ({name})", pairs=pairs)
