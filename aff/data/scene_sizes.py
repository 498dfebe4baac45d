"""Scores by the size of what is seen: which pixels of a scene belong to items of which size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, List, Optional

import numpy as np

from ..utils.errors import InputError
from ..utils.opening import read_bytes
from .image_file import MAX_BYTES
from .made_folder import read_made
from .mask_file import IGNORED, decode_mask
from .masks import MaskedImages
from .scene_set import MADE_BY, SIDES, SceneManifest
from .scenes import SIZES


@dataclass(frozen=True)
class SizeMaps:
    """Maps of the size of the item that is seen at each pixel, or of the nearest.

    So the pixels of all scenes are divided into three parts, and what is counted over the parts
    adds up to what is counted over all. The intersection over union of a part says how well items
    of its size are found among their surroundings: what is mistaken for a class there, also
    background, counts against the class there and nowhere else.

    Parameters
    ----------
    masks : MaskedImages
        The set.
    bounds : list of int
        The least sides, in pixels, of a middle and of a large item.
    """

    masks: MaskedImages
    bounds: List[int]

    def sides(self, index: int) -> np.ndarray:
        """Return the sides of items (H, W) uint8 at an image's pixels.

        Raises
        ------
        InputError
            For a file that cannot be read.
        """
        path = _beside(self.masks, index)
        return decode_mask(read_bytes(path, MAX_BYTES), path)

    def divide(self, labels: np.ndarray, index: int) -> Dict[str, np.ndarray]:
        """Return an image's labels by size, each with `IGNORED` where another size is.

        Parameters
        ----------
        labels : numpy.ndarray
            (H, W) integers; they may be padded below and on the right.
        index : int
            The image's number in the set.

        Returns
        -------
        dict of str to numpy.ndarray
            A size's name to labels (H, W).
        """
        sides = self.sides(index)
        if any(inner > outer for inner, outer in zip(sides.shape, labels.shape)):
            raise InputError(f"{_beside(self.masks, index)}: is larger than the image's mask")
        padding = [(0, outer - inner) for inner, outer in zip(sides.shape, labels.shape)]
        sizes = np.pad(np.digitize(sides, self.bounds), padding)
        return {name: np.where(sizes == size, labels, IGNORED) for size, name in enumerate(SIZES)}


def find_size_maps(masks: MaskedImages) -> Optional[SizeMaps]:
    """Return the maps of a set that `aff make-scenes` made; None for another set."""
    if not os.path.isfile(_beside(masks, 0)):
        return None
    manifest = read_made(masks.folder, MADE_BY, SceneManifest)
    return SizeMaps(masks, manifest.settings.bounds) if manifest else None


def _beside(masks: MaskedImages, index: int) -> str:
    folder, name = os.path.split(masks.pairs[index][1])
    return os.path.join(os.path.dirname(folder), SIDES, name)
