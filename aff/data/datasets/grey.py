"""Data sets of grey images in IDX files: Fashion-MNIST, and the digits that come with the package.

The digits are the test part of UCI's "Optical Recognition of Handwritten Digits" (E. Alpaydin and
C. Kaynak, 1998, CC BY 4.0, doi 10.24432/C50P49): 1,797 images of 8x8 pixels with values 0 to 16, in
the order of scikit-learn's copy.
"""

from __future__ import annotations

import os
from typing import Optional

import numpy as np

from ...utils.errors import InputError
from .base import DataSet, Split, stratified
from .fetch import fetch_files
from .idx import find_idx, read_images_and_labels

DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist"

#: SHA-1 sums of the published gzipped files, as mxnet.gluon.data.vision gives them.
FASHION_MNIST = {
    "train-images-idx3-ubyte": "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
    "train-labels-idx1-ubyte": "236021d52f1e40852b06a4c3008d8de8aef1e40b",
    "t10k-images-idx3-ubyte": "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
    "t10k-labels-idx1-ubyte": "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
}

DIGITS_SIZE = 32
DIGITS_TEST_FRACTION = 0.2
DIGITS_SPLIT_SEED = 2020


def load_fashion_mnist(data_dir: Optional[str] = None) -> DataSet:
    """Load Fashion-MNIST (60,000 + 10,000 grey images of 28x28, 10 classes) from IDX files, gzipped
    or not.

    Parameters
    ----------
    data_dir : str, optional
        Their folder; by default ``~/.mxnet/datasets/fashion-mnist`` or where Debian's package
        ``dataset-fashion-mnist`` puts them. Where they are in none of these, they are downloaded to
        the first.

    Raises
    ------
    InputError
        For missing files that cannot be fetched, damaged ones, or labels out of range.
    """
    default = os.path.join("~", ".mxnet", "datasets", "fashion-mnist")
    folders = [os.path.expanduser(data_dir or default)] + ([] if data_dir else [DEBIAN_FOLDER])
    if not all(find_idx(name, folders) for name in FASHION_MNIST):
        try:
            fetch_files(
                [(f"{name}.gz", sha1) for name, sha1 in FASHION_MNIST.items()],
                "fashion-mnist",
                folders[0],
            )
        except InputError as error:
            raise InputError(
                f"fashion-mnist is not in {' or '.join(folders)} and {error}: put "
                f"{', '.join(FASHION_MNIST)} (or .gz) there, apt-get install "
                "dataset-fashion-mnist, or name their folder with --data-dir"
            ) from error
    train_images, train_labels, test_images, test_labels = (
        find_idx(name, folders) for name in FASHION_MNIST
    )
    return DataSet(
        name="fashion-mnist",
        classes=10,
        mean=(0.2860,),
        std=(0.3530,),
        mirror=True,
        train=Split(*read_images_and_labels(train_images, train_labels)),
        test=Split(*read_images_and_labels(test_images, test_labels)),
        source=os.path.dirname(train_images),
    )


def load_digits(data_dir: Optional[str] = None) -> DataSet:
    """Load the 1,797 handwritten digits of the package, enlarged to 32x32; the test part is a
    stratified fifth.

    Parameters
    ----------
    data_dir : str, optional
        Not used by this data set; naming one raises.
    """
    if data_dir is not None:
        raise InputError("--data-dir does nothing for digits: they come with the package")
    folder = os.path.dirname(os.path.abspath(__file__))
    images, labels = read_images_and_labels(
        os.path.join(folder, "digits-images-idx3-ubyte.gz"),
        os.path.join(folder, "digits-labels-idx1-ubyte.gz"),
    )
    images = enlarge(images, DIGITS_SIZE, 255 / 16)
    held = stratified(labels, DIGITS_TEST_FRACTION, DIGITS_SPLIT_SEED)
    everything = Split(images, labels)
    return DataSet(
        name="digits",
        classes=10,
        mean=(0.3053,),
        std=(0.3239,),
        mirror=False,
        train=everything.take(~held),
        test=everything.take(held),
        source="the package's own copy",
    )


def enlarge(images: np.ndarray, size: int, scale: float) -> np.ndarray:
    """Bilinear enlargement of (N, 1, h, w) to (N, 1, size, size), values multiplied by `scale`;
    uint8.
    """
    rows = _interpolation(images.shape[2], size)
    columns = _interpolation(images.shape[3], size)
    enlarged = np.einsum(
        "yh,nchw,xw->ncyx", rows, images.astype(np.float64) * scale, columns, optimize=True
    )
    return np.rint(enlarged).clip(0, 255).astype(np.uint8)


def _interpolation(length: int, size: int) -> np.ndarray:
    """Matrix (size, length) of linear interpolation, pixel centres aligned, constant beyond the
    outermost ones.
    """
    position = ((np.arange(size) + 0.5) * length / size - 0.5).clip(0, length - 1)
    low = np.minimum(position.astype(int), length - 2) if length > 1 else np.zeros(size, int)
    weight = position - low
    matrix = np.zeros((size, length))
    matrix[np.arange(size), low] = 1 - weight
    matrix[np.arange(size), np.minimum(low + 1, length - 1)] += weight
    return matrix
