"""What ``aff evaluate`` found for the published parameters, kept beside them."""

from __future__ import annotations

import os
from typing import Optional

from ..data.image_loader import VALIDATION_IMAGES
from ..models.weights import DEFAULT_ROOT, Published
from ..utils.errors import InputError
from ..utils.files import read_json, write_json

SUFFIX = ".evaluation.json"
#: How many images the part has that scores are of, in the data sets of the published tables.
WHOLE = {"imagenet": VALIDATION_IMAGES, "cifar10": 10_000, "cifar100": 10_000}


def evaluation_path(record: Published, root: Optional[str] = None) -> str:
    """The file that keeps a published file's score."""
    return os.path.join(root or DEFAULT_ROOT, record.name + SUFFIX)


def keep_evaluation(
    record: Published, root: Optional[str], top1_error: float, samples: int, data: str
) -> str:
    """Keep a score; gives the file's path.

    Parameters
    ----------
    record : Published
        Whose parameters were evaluated, verified.
    root : str, optional
        Their folder.
    top1_error : float
        Fraction, 0 to 1.
    samples : int
        Of so many images.
    data : str
        What they were.
    """
    path = evaluation_path(record, root)
    write_json(
        path,
        {"sha1": record.sha1, "top1_error": top1_error, "samples": samples, "data": data},
    )
    return path


def evaluated(record: Published, root: Optional[str] = None) -> Optional[float]:
    """Top-1 error of a published file as it was found here, or None.

    Raises
    ------
    InputError
        For a damaged file.
    """
    path = evaluation_path(record, root)
    if not os.path.exists(path):
        return None
    found = read_json(path)
    if found.get("sha1") != record.sha1:
        return None
    try:
        return fraction(found.get("top1_error"))
    except ValueError as error:
        raise InputError(f"{path}: top1_error is {error}: evaluate {record.name} again") from error


def fraction(value: object) -> float:
    """An error as logs hold it.

    Raises
    ------
    ValueError
        Where it is no number from 0 to 1.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{value!r}, no fraction of images")
    return float(value)
