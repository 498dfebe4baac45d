"""CIFAR-10 and CIFAR-100 in their binary version (``cifar-10-binary.tar.gz``,
``cifar-100-binary.tar.gz``).

A record is one label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100), then 3072 bytes: red,
green and blue planes of 32x32 pixels. The Python version of these files is a pickle and is not
read.
"""

from __future__ import annotations

import os
from typing import Dict, Optional, Tuple

import numpy as np

from ...utils.errors import InputError, unknown
from ...utils.opening import GB, read_bytes
from .base import DataSet, Split
from .fetch import fetch_files, is_official

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)
PIXELS = 3 * 32 * 32
#: Ten times the largest that was published.
MAX_BYTES = 2 * GB
LABEL_SETS = ("fine", "coarse")

#: SHA-1 sums of the published archives and files, as mxnet.gluon.data.vision gives them.
ARCHIVES = {
    "cifar10": ("cifar-10-binary.tar.gz", "fab780a1e191a7eda0f345501ccd62d20f7ed891"),
    "cifar100": ("cifar-100-binary.tar.gz", "a0bb982c76b83111308126cc779a992fa506b90b"),
}
FILES: Dict[str, Dict[str, Dict[str, str]]] = {
    "cifar10": {
        "train": {
            "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
            "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
            "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
            "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
            "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
        },
        "test": {"test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c"},
    },
    "cifar100": {
        "train": {"train.bin": "e207cd2e05b73b1393c74c7f5e7bea451d63e08e"},
        "test": {"test.bin": "8fb6623e830365ff53cf14adec797474f5478006"},
    },
}
UNPACKED = {"cifar10": "cifar-10-batches-bin", "cifar100": "cifar-100-binary"}


def read_records(path: str, label_bytes: int) -> Tuple[np.ndarray, np.ndarray]:
    """Read a binary CIFAR file.

    Parameters
    ----------
    path : str
        The file.
    label_bytes : int
        Labels in front of each image: 1 for CIFAR-10, 2 (coarse, fine) for CIFAR-100.

    Returns
    -------
    images : numpy.ndarray
        (N, 3, 32, 32) uint8.
    labels : numpy.ndarray
        (N, label_bytes) uint8.

    Raises
    ------
    InputError
        For a file that cannot be read or does not end with a whole record.
    """
    record = label_bytes + PIXELS
    data = np.frombuffer(read_bytes(path, MAX_BYTES), np.uint8)
    if not len(data) or len(data) % record:
        raise InputError(
            f"{path}: ends at byte {len(data)}, within record {len(data) // record} (records of "
            f"{record} bytes): truncated, or not a binary CIFAR file"
        )
    data = data.reshape(-1, record)
    return data[:, label_bytes:].reshape(-1, 3, 32, 32), data[:, :label_bytes]


def _locate(name: str, folder: str) -> str:
    """Return the folder that holds the files: `folder`, its unpacked archive's subfolder, or
    (freshly fetched) `folder`.
    """
    names = [file for part in FILES[name].values() for file in part]
    candidates = [folder, os.path.join(folder, UNPACKED[name])]
    for candidate in candidates:
        if all(os.path.isfile(os.path.join(candidate, file)) for file in names):
            return candidate
    try:
        fetch_files([ARCHIVES[name]], name, folder)
    except InputError as error:
        raise InputError(
            f"{name} is not in {folder} and {error}: put {', '.join(names)} (from "
            f"{ARCHIVES[name][0]} of https://www.cs.toronto.edu/~kriz/cifar.html) there, or name "
            "their folder with {data_dir}"
        ) from error
    return folder


def load_cifar(name: str, data_dir: Optional[str] = None, labels: Optional[str] = None) -> DataSet:
    """Load CIFAR-10 or CIFAR-100, from files already there or, where they are missing, by download.

    Parameters
    ----------
    name : str
        ``'cifar10'`` or ``'cifar100'``.
    data_dir : str, optional
        Folder of the ``.bin`` files; by default ``~/.mxnet/datasets/<name>``.
    labels : str, optional
        For CIFAR-100, and needed there: ``'fine'``, the 100 classes, or ``'coarse'``, the 20
        superclasses that the published accuracies were measured on. Networks have 100 outputs for
        both, as published.

    Raises
    ------
    InputError
        For missing files that cannot be fetched, damaged ones, or labels out of range.
    """
    if labels not in (LABEL_SETS if name == "cifar100" else (None,)):
        raise unknown(f"label set of {name}", labels, LABEL_SETS)
    folder = os.path.expanduser(data_dir or os.path.join("~", ".mxnet", "datasets", name))
    folder = _locate(name, folder)
    column, count = {None: (0, 10), "coarse": (0, 20), "fine": (1, 100)}[labels]
    parts: Dict[str, Split] = {}
    altered = []
    for part, files in FILES[name].items():
        images, numbers = [], []
        for file, sha1 in files.items():
            path = os.path.join(folder, file)
            pixels, label_bytes = read_records(path, 2 if name == "cifar100" else 1)
            images.append(pixels)
            numbers.append(_checked(path, label_bytes[:, column].astype(np.int32), count))
            if not is_official(path, sha1):
                altered.append(file)
        parts[part] = Split(np.concatenate(images), np.concatenate(numbers))
    note = f" (not the published files: {', '.join(altered)})" if altered else ""
    return DataSet(
        name=name,
        classes=100 if name == "cifar100" else 10,
        mean=MEAN,
        std=STD,
        mirror=True,
        label_set=labels,
        source=folder + note,
        train=parts["train"],
        test=parts["test"],
    )


def _checked(path: str, labels: np.ndarray, count: int) -> np.ndarray:
    if labels.max() >= count:
        position = int((labels >= count).argmax())
        raise InputError(
            f"{path}: record {position}: label {labels[position]} is not in 0..{count - 1}"
        )
    return labels
