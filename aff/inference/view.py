"""What an image becomes for a network: the evaluation transform of what the network was trained on.

Photographs (the kind ``'imagenet'``) have their shorter side scaled and the centre cropped, as
:func:`aff.data.transforms.central_view` does. Small images (``'cifar'``) are shown whole in
evaluation; any other image has its shorter side scaled to their size, and the centre square taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

import numpy as np

from ..data.mask_transforms import padded_pair
from ..data.transforms import central_view, normalize, small_square
from ..export.source import InputSettings, Source
from ..models.registry import build_network, find_family
from ..utils.errors import InputError

#: Pixels a side, the most that training takes.
MAX_SIZE = 4096


@dataclass(frozen=True)
class View:
    """The evaluation transform: called with pixels (H, W, 3) uint8, red first, it gives (3, size,
    size) float32.

    Parameters
    ----------
    size : int
        Height and width of what the network is given.
    mean, std : tuple of float
        Of each channel, on a scale of 0 to 255; one value: the network sees grey images.
    shorter_side : int, optional
        Of photographs: pixels that the shorter side is scaled to. Small images have none.
    """

    size: int
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    shorter_side: Optional[int] = None

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        if self.shorter_side:
            view = central_view(pixels, self.size, self.size / self.shorter_side)
            return np.ascontiguousarray(view.transpose(2, 0, 1))
        images = small_square(pixels, self.size, len(self.mean))[None]
        mean, std = ([value / 255 for value in values] for values in (self.mean, self.std))
        return normalize(images, mean, std)[0]

    @classmethod
    def of_source(cls, source: Source) -> View:
        """Return the view of a network that is described."""
        return cls(source.input_size, source.mean, source.std, source.resized)

    @classmethod
    def of_input(cls, told: InputSettings) -> View:
        """Return the view that an exported file's description gives.

        Raises
        ------
        InputError
            Where it gives none.
        """
        size = told.shape[-1] if told.shape else 0
        if not isinstance(size, int) or not 0 < size <= MAX_SIZE:
            raise InputError(f"takes images of the shape {told.shape}")
        if len(told.mean) not in (1, 3) or len(told.std) != len(told.mean):
            raise InputError("has not a mean and a std for each of 1 or 3 channels")
        return cls(size, tuple(told.mean), tuple(told.std), told.shorter_side)


@dataclass(frozen=True)
class WholeView:
    """What a segmentation network is given of an image: all of it, normalised, and padded below and
    on the right to sides that its stride divides.

    Parameters
    ----------
    stride : int
        The network's.
    size : int
        Usual height and width.
    """

    stride: int
    size: int

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        image, _ = padded_pair(pixels, np.zeros(pixels.shape[:2], np.uint8), self.stride)
        return np.ascontiguousarray(image.transpose(2, 0, 1))

    @classmethod
    def of_network(cls, name: str, kwargs: Dict[str, Any]) -> WholeView:
        """Return the view of a network, as `aff.get_model` takes it."""
        return cls(build_network(name, **kwargs).stride, find_family(name)[0].size)
