"""The classes of a user's images: how many there are, and their names."""

from __future__ import annotations

from typing import List, Optional

import numpy as np

from ..utils.errors import InputError
from .datasets.class_names import in_words
from .images import Images
from .prepare import read_manifest


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
        packed = read_manifest(train.folder).get("train")
        names = packed.classes if packed else []
    return in_words(names) if len(names) == classes else None


def without_images(labels: np.ndarray, classes: int, part: str) -> List[str]:
    """Return what to note of classes that have no image in a part: a line, or none."""
    missing = classes - len(np.unique(labels))
    return [f"note      {missing} of the {classes} classes have no {part} image"] if missing else []
