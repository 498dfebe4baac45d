"""The parts of a user's images: what is trained on, held out and tested on."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..utils.errors import InputError
from .datasets.base import drawn, held_out
from .images import IMAGENET, FolderImages, Images, RecordImages, find_images, usual_records

#: What folders of images that are not trained on are called; where both are there, the first is
#: to choose an epoch by, and the last to report on.
TESTED = ("val", "test")


@dataclass(frozen=True)
class ImageSubset:
    """Some of the images of a source, in their order.

    Parameters
    ----------
    images : Images
        The source.
    indices : numpy.ndarray
        (N,) integers.
    part : str
        What to call them in a message.
    """

    images: Images
    indices: np.ndarray
    part: str

    @property
    def source(self) -> str:
        """Where they are."""
        return f"{self.images.source} ({self.part})"

    @property
    def classes(self) -> Sequence:
        """Those of the source."""
        return self.images.classes

    @property
    def folder(self) -> str:
        """Folder of the source."""
        return self.images.folder

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> Tuple[bytes, int]:
        return self.images.read(int(self.indices[index]))

    def name(self, index: int) -> str:
        return self.images.name(int(self.indices[index]))

    def labels(self) -> np.ndarray:
        """Return each image's label, (N,)."""
        return self.images.labels()[self.indices]

    def label_for(self, classes: int) -> None:
        self.images.label_for(classes)

    def order(self) -> str:
        """Return a sum that tells these images, in this order, from others."""
        text = f"{self.images.order()} {self.indices.tolist()}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def sums(self) -> Dict[str, str]:
        """Those of the source."""
        return self.images.sums


def hold_out(images: Images, fraction: float) -> Dict[str, Images]:
    """Return two parts of the images, ``'train'`` and ``'val'``, which has a stratified `fraction`
    of them, always the same.

    Raises
    ------
    InputError
        When either part would be left without an image.
    """
    held = held_out(images.labels(), fraction)
    return {
        "train": ImageSubset(images, np.flatnonzero(~held), f"without the {held.sum():,} held out"),
        "val": ImageSubset(images, np.flatnonzero(held), "held out"),
    }


def draw(images: Images, fraction: float, seed: int) -> Images:
    """Return a `drawn` fraction of training images, or all of them."""
    if fraction == 1:
        return images
    chosen, told = drawn(images.labels(), fraction, seed)
    return ImageSubset(images, np.flatnonzero(chosen), told)


def tested_parts(folder: str) -> List[str]:
    """Return the names of a folder's parts that are not trained on. One without a folder for each
    class, as ImageNet's test images lie, is none beside another.
    """
    places = {part: os.path.join(folder, part) for part in TESTED}
    there = [part for part, place in places.items() if os.path.isdir(place)]
    by_class = [part for part in there if next(os.walk(places[part]), ("", []))[1]]
    return by_class or there[:1]


def folder_parts(folder: Optional[str], fraction: float = 0.0) -> Dict[str, Images]:
    """Return the parts of a folder of images: ``'train'``, ``'val'``, and ``'test'`` where the
    folder has one beside ``'val'``, or where `fraction` says to hold ``'val'`` out of the training
    images.

    Parameters
    ----------
    folder : str, optional
        Holds ``train/<class>/``, and ``val/<class>/`` or ``test/<class>/``; or ``<class>/``, of
        which a part is held out then. By default ImageNet's usual folder.
    fraction : float, default 0
        Share of the training images of each class to hold out.

    Raises
    ------
    InputError
        Where a part is not there.
    """
    root = os.path.expanduser(folder or IMAGENET)
    if not os.path.isdir(root):
        raise InputError(f"{root}: no such folder: name one of images with {{data_dir}}")
    tested = tested_parts(root)
    inner = os.path.isdir(os.path.join(root, "train"))
    if not inner and (tested or not fraction):
        raise InputError(
            f"{root}: holds no train/ with a folder of images for each class: name another "
            "with {data_dir}"
            + (
                ""
                if tested
                else "; of a folder of <class>/ alone, {val_split} 0.1 holds a part out"
            )
        )
    if not tested and not fraction:
        raise InputError(
            f"{root}: holds no val/ with a folder of images for each class: name another with "
            "{data_dir}, or hold out a part of train/ with {val_split} 0.1"
        )
    train: Images = FolderImages(root, "train")
    parts = hold_out(train, fraction) if fraction else {"train": train}
    if tested and not fraction:
        parts["val"] = _tested(root, tested[0], train)
    if tested[0 if fraction else 1 :]:
        parts["test"] = _tested(root, tested[-1], train)
    return parts


def _tested(root: str, part: str, train: Images) -> Images:
    """Return a part that is not trained on, labelled as the training images are."""
    images = FolderImages(os.path.join(root, part), part)
    images.label_as(train.classes)
    return images


def record_parts(
    train: Optional[str],
    train_index: Optional[str],
    val: Optional[str],
    val_index: Optional[str],
    fraction: float = 0.0,
) -> Dict[str, Images]:
    """Return the parts of ``.rec`` files, as `folder_parts` does; those that are not named are at
    the usual places, and may be missing where a part is held out.
    """
    images: Images = _records("train", train, train_index)
    parts = hold_out(images, fraction) if fraction else {"train": images}
    if val or not fraction:
        parts["test" if fraction else "val"] = _records("val", val, val_index)
    return parts


def _records(part: str, path: Optional[str], index: Optional[str]) -> RecordImages:
    path = os.path.expanduser(path or usual_records(part))
    if not os.path.isfile(path):
        raise InputError(
            f"{path}: no such file: make it with 'aff prepare', name the {part} records with "
            f"{{rec_{part}}}, or leave out {{use_rec}} for folders of images"
        )
    return RecordImages(path, index and os.path.expanduser(index))


def find_evaluation_images(
    folder: Optional[str], records: Optional[str], index: Optional[str], fraction: float
) -> Images:
    """Return the images that a run's result is counted over, as its settings name them: the last of
    the parts that are not trained on, or, where `fraction` was held out for want of one, that.
    """
    if fraction and records:
        return hold_out(_records("train", records, index), fraction)["val"]
    tested = tested_parts(os.path.expanduser(folder)) if folder else []
    if fraction and folder and not tested:
        return folder_parts(folder, fraction)["val"]
    return find_images(tested[-1] if tested else "val", folder, records, index)
