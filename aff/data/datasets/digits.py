"""The digits that come with the package, in IDX files.

They are the test part of UCI's "Optical Recognition of Handwritten Digits" (E. Alpaydin and C.
Kaynak, 1998, CC BY 4.0, doi 10.24432/C50P49): 1,797 images of 8x8 pixels with values 0 to 16, in
the order of scikit-learn's copy.
"""

from __future__ import annotations

import os
from typing import Optional

import numpy as np

from ...utils.errors import InputError
from .base import DataSet, Split, stratified
from .idx import read_images_and_labels

SIZE = 32
TEST_FRACTION = 0.2
SPLIT_SEED = 2020
MEAN, STD = (0.3053,), (0.3239,)


def load_digits(data_dir: Optional[str] = None) -> DataSet:
    """Load the 1,797 handwritten digits of the package, enlarged to 32x32; the test part is a
    stratified fifth.

    Parameters
    ----------
    data_dir : str, optional
        Not used by this data set; naming one raises.
    """
    if data_dir is not None:
        raise InputError("{data_dir} does nothing for digits: they come with the package")
    folder = os.path.dirname(os.path.abspath(__file__))
    images, labels = read_images_and_labels(
        os.path.join(folder, "digits-images-idx3-ubyte.gz"),
        os.path.join(folder, "digits-labels-idx1-ubyte.gz"),
    )
    images = enlarge(images, SIZE, 255 / 16)
    held = stratified(labels, TEST_FRACTION, SPLIT_SEED)
    everything = Split(images, labels)
    return DataSet(
        name="digits",
        classes=10,
        mean=MEAN,
        std=STD,
        mirror=False,
        train=everything.take(~held),
        test=everything.take(held),
        source="the package's own copy",
    )


def enlarge(images: np.ndarray, size: int, scale: float) -> np.ndarray:
    """Enlarge bilinearly (N, 1, h, w) to (N, 1, size, size), values multiplied by
    `scale`; uint8.
    """
    rows = _interpolation(images.shape[2], size)
    columns = _interpolation(images.shape[3], size)
    enlarged = np.einsum(
        "yh,nchw,xw->ncyx", rows, images.astype(np.float64) * scale, columns, optimize=True
    )
    return np.rint(enlarged).clip(0, 255).astype(np.uint8)


def _interpolation(length: int, size: int) -> np.ndarray:
    """Return matrix (size, length) of linear interpolation, pixel centres aligned, constant beyond
    the outermost ones.
    """
    position = ((np.arange(size) + 0.5) * length / size - 0.5).clip(0, length - 1)
    low = np.minimum(position.astype(int), length - 2) if length > 1 else np.zeros(size, int)
    weight = position - low
    matrix = np.zeros((size, length))
    matrix[np.arange(size), low] = 1 - weight
    matrix[np.arange(size), np.minimum(low + 1, length - 1)] += weight
    return matrix
