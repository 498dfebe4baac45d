"""Names of the classes of the data sets, in the order of their labels."""

from __future__ import annotations

import os
import re
from typing import List, Optional, Sequence

from ...utils.json_file import read_json
from ..images import imagenet_synset

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "class_names.json")


def listed(key: str, label_set: Optional[str]) -> List[str]:
    """Return those of the data set (and its label set, where there are several) of the file."""
    return read_json(FILE)[f"{key}, {label_set}" if label_set else key]


def digits(label_set: Optional[str]) -> List[str]:
    """Return the ten digits."""
    return [str(digit) for digit in range(10)]


def in_words(names: Sequence[str]) -> List[str]:
    """Return names of classes' folders, ImageNet's WordNet numbers among them as words."""
    if not all(re.fullmatch(r"n\d{8}", name) for name in names):
        return list(names)
    words = dict(zip(imagenet_synset(), imagenet(None)))
    return [words.get(name, name) for name in names]


def imagenet(label_set: Optional[str]) -> List[str]:
    """Return ImageNet's, as GluonCV has them."""
    from gluoncv.data import ImageNet1kAttr

    return list(ImageNet1kAttr().classes)
