"""Fashion-MNIST (Xiao et al., 2017) in IDX files."""

from __future__ import annotations

import os
from typing import Optional

from ...utils.errors import InputError
from .base import DataSet, Split
from .fetch import fetch_files
from .idx import find_idx, read_images_and_labels

DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist"
MEAN, STD = (0.2860,), (0.3530,)

#: SHA-1 sums of the published gzipped files, as mxnet.gluon.data.vision gives them.
FASHION_MNIST = {
    "train-images-idx3-ubyte": "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
    "train-labels-idx1-ubyte": "236021d52f1e40852b06a4c3008d8de8aef1e40b",
    "t10k-images-idx3-ubyte": "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
    "t10k-labels-idx1-ubyte": "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
}


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
                "dataset-fashion-mnist, or name their folder with {data_dir}"
            ) from error
    train_images, train_labels, test_images, test_labels = (
        find_idx(name, folders) for name in FASHION_MNIST
    )
    return DataSet(
        name="fashion-mnist",
        classes=10,
        mean=MEAN,
        std=STD,
        mirror=True,
        train=Split(*read_images_and_labels(train_images, train_labels)),
        test=Split(*read_images_and_labels(test_images, test_labels)),
        source=os.path.dirname(train_images),
    )
