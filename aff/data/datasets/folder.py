"""Any folder of images as a set in memory: small pictures for CIFAR-style networks."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import numpy as np
from tqdm import tqdm

from ...utils.errors import InputError
from ..decoding import decode
from ..image_parts import folder_parts
from ..images import Images
from ..loader import prefetch
from ..transforms import small_square
from .base import DataSet, Split

SIZE = 32
#: Memory that the pixels may take.
MAX_BYTES = 8 * 2**30


def list_parts(data_dir: Optional[str], val_split: float = 0.0) -> Dict[str, Images]:
    """Return the images of a folder by part, as `folder_parts` does.

    Raises
    ------
    InputError
        Where no folder is named, or it holds none.
    """
    if not data_dir:
        raise InputError("{dataset} folder needs {data_dir}, a folder of images")
    return folder_parts(data_dir, val_split)


def load_folder(
    data_dir: Optional[str],
    size: int,
    mean: Tuple[float, ...],
    std: Tuple[float, ...],
    val_split: float = 0.0,
    workers: int = 0,
) -> DataSet:
    """Load a folder of images, each as its centre square of `size` pixels.

    Parameters
    ----------
    data_dir : str
        The folder, as `folder_parts` reads it.
    size : int
        Height and width.
    mean, std : tuple of float
        Of each channel, on a scale of 0 to 1; of one value, the images are made grey.
    val_split : float, default 0
        Share of the training images to hold out.
    workers : int, default 0
        Threads that decode.

    Raises
    ------
    InputError
        For images that are not there, that do not decode, or that would fill the memory.
    """
    parts = list_parts(data_dir, val_split)
    total = sum(map(len, parts.values()))
    if total * len(mean) * size**2 > MAX_BYTES:
        raise InputError(
            f"{data_dir}: {total:,} images of {size} pixels are too many to keep in memory: train "
            "by train_imagenet.py, which reads them as it goes"
        )
    splits = {part: _read(images, size, len(mean), workers) for part, images in parts.items()}
    held = splits["val"] if val_split or "test" in splits else None
    return DataSet(
        name="folder",
        classes=len(parts["train"].classes),
        mean=mean,
        std=std,
        train=splits["train"],
        test=splits["val"] if held is None else splits.get("test"),
        val=held,
        mirror=True,
        pad=max(1, size // 8),
        source=parts["train"].folder,
    )


def _read(images: Images, size: int, channels: int, workers: int) -> Split:
    def read(index: int) -> Tuple[np.ndarray, int]:
        content, label = images.read(index)
        name = images.name(index)
        try:
            return small_square(decode(content, name), size, channels), label
        except InputError as error:
            raise InputError(f"{error.message}; remove it to train without it") from error

    pixels = np.empty((len(images), channels, size, size), np.uint8)
    labels = np.empty(len(images), np.int32)
    found = prefetch(read, len(images), workers, 16 * (workers + 1))
    shown = tqdm(found, "read images", len(images), leave=False, unit="image", disable=None)
    for index, (image, label) in enumerate(shown):
        pixels[index], labels[index] = image, label
    return Split(pixels, labels)
