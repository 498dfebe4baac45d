"""Names of the classes of the data sets, in the order of their labels."""

from __future__ import annotations

import os
from typing import List, Optional

from ...utils.files import read_json

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "class_names.json")


def listed(key: str, label_set: Optional[str]) -> List[str]:
    """Return those of the data set (and its label set, where there are several) of the file."""
    return read_json(FILE)[f"{key}, {label_set}" if label_set else key]


def digits(label_set: Optional[str]) -> List[str]:
    """Return the ten digits."""
    return [str(digit) for digit in range(10)]


def imagenet(label_set: Optional[str]) -> List[str]:
    """Return ImageNet's, as GluonCV has them."""
    from gluoncv.data import ImageNet1kAttr

    return list(ImageNet1kAttr().classes)
