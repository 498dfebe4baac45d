"""The classes of a user's images: how many there are, and their names."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import List, Optional

import numpy as np

from ..utils.errors import InputError
from .datasets.class_names import in_words
from .image_parts import ImageSubset
from .images import Images
from .packed import read_manifest


def count_classes(train: Images) -> int:
    """Return the number of classes of the training images: labels from 0 to the largest that
    occurs.

    Raises
    ------
    InputError
        Where there are fewer than two.
    """
    labels = train.classes
    count = max(labels) + 1 if isinstance(labels[0], int) else len(labels)
    if count > len(train):
        raise InputError(
            f"{train.source}: holds a label {count - 1}, and only {len(train)} images: labels "
            "count from 0, without gaps"
        )
    if count < 2:
        raise InputError(f"{train.source}: holds images of one class; two are needed to tell apart")
    return count


def names_of_classes(train: Images, classes: int) -> Optional[List[str]]:
    """Return a name for each class: of the training images' folders, or of what `aff prepare` says
    beside the records; None where neither names them.
    """
    names = list(train.classes)
    if names and not isinstance(names[0], str):
        while isinstance(train, ImageSubset):
            train = train.images
        names = _packed_classes(train.source)
    return in_words(names) if len(names) == classes else None


def _packed_classes(path: str) -> List[str]:
    """Return the names that the manifest beside a file of records gives to their labels; none where
    it is of other records, or another program's.
    """
    with suppress(InputError):
        packed = read_manifest(os.path.dirname(path)).get("train")
        if packed and os.path.basename(path) == "train.rec":
            return packed.classes if packed.bytes == os.path.getsize(path) else []
    return []


def without_images(labels: np.ndarray, classes: int, part: str) -> List[str]:
    """Return what to note of classes that have no image in a part: a line, or none."""
    missing = classes - len(np.unique(labels))
    return [f"note      {missing} of the {classes} classes have no {part} image"] if missing else []
