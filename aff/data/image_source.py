"""What a source of encoded images is, wherever they come from."""

from __future__ import annotations

from typing import Dict, Protocol, Sequence, Tuple

import numpy as np


class Images(Protocol):
    """Encoded images with their labels, by index."""

    @property
    def source(self) -> str:
        """Where they are, for messages."""

    @property
    def folder(self) -> str:
        """The folder that they are in."""

    @property
    def classes(self) -> Sequence:
        """Names of the classes, or the labels that occur."""

    def labels(self) -> np.ndarray:
        """Return each image's label, (N,) integers."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Tuple[bytes, int]:
        """Return an image file's content and its label."""

    def name(self, index: int) -> str:
        """Return what to call an image in a message."""

    def label_for(self, classes: int) -> None:
        """Make the labels those of a network of so many classes, or refuse."""

    def order(self) -> str:
        """Return a sum that tells these images, in this order, from others."""

    @property
    def sums(self) -> Dict[str, str]:
        """What tells other images under the same names, by what it is a sum of."""
