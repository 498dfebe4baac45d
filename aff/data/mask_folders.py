"""Folders of images and masks: ``images/`` and ``masks/``, or Pascal VOC's."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..utils.errors import InputError
from ..utils.opening import MB, read_text
from ..utils.report import printable
from .datasets.base import held_out
from .images import image_files
from .mask_file import IGNORED, SUFFIX
from .masks import MaskedImages, Pairs

IMAGES, MASKS, CLASSES = "images", "masks", "classes.txt"
#: Pascal VOC's folders of images, of masks, and of the lists that say which are of which part.
VOC_IMAGES, VOC_MASKS = "JPEGImages", "SegmentationClass"
VOC_LISTS = os.path.join("ImageSets", "Segmentation")
#: The most classes: their labels are below `IGNORED`.
MAX_CLASSES = IGNORED
#: Characters of a name that a message takes up.
SHOWN = 60


def mask_parts(
    folder: str, fraction: float = 0.0, workers: int = 0, strict: bool = True
) -> Dict[str, MaskedImages]:
    """Return the parts of a folder of images and masks: ``'train'``, ``'val'``, and ``'test'``
    where the folder has one beside ``'val'``, or where `fraction` says to hold ``'val'`` out of the
    training images.

    Parameters
    ----------
    folder : str
        Holds ``<part>/images/`` and ``<part>/masks/``, an image's mask under its name as PNG; or
        ``images/`` and ``masks/``, of which a part is held out then; or Pascal VOC's
        ``JPEGImages/``, ``SegmentationClass/`` and ``ImageSets/Segmentation/<part>.txt``. A file
        ``classes.txt`` names the classes, a line each; without it they are the labels up to the
        largest that occurs in training, and their names are numbers.
    fraction : float, default 0
        Share of the training images to hold out.
    workers : int, default 0
        Threads that read masks where the classes are not named.
    strict : bool, default True
        Whether one of these that cannot be read is an error.

    Raises
    ------
    InputError
        Where a part is not there, an image has no mask, or a mask no image.
    """
    found = _found(folder)
    if "train" not in found:
        raise InputError(
            f"{folder}: holds no train/{IMAGES}/ with train/{MASKS}/, no {IMAGES}/ with {MASKS}/, "
            f"and no {VOC_IMAGES}/ with {VOC_MASKS}/: name another folder with {{data_dir}}"
        )
    if not fraction and len(found) == 1:
        raise InputError(
            f"{folder}: holds images and masks to train on only: hold a part out with "
            f"{{val_split}} 0.1, or put others into val/{IMAGES}/ and val/{MASKS}/"
        )
    train = found.pop("train")
    names = _named_classes(folder) or _numbered_classes(train, workers, strict)
    parts = {"train": train, **found}
    if fraction:
        parts = _hold_out(train, fraction)
        tested = found.get("test", found.get("val"))
        if tested:
            parts["test"] = tested
    elif "val" not in parts:
        parts["val"] = parts.pop("test")
    return {part: replace(masks, classes=names) for part, masks in parts.items()}


def _hold_out(train: MaskedImages, fraction: float) -> Dict[str, MaskedImages]:
    """Return two parts of the training images, ``'train'`` and ``'val'``, always the same."""
    held = held_out(np.zeros(len(train)), fraction)
    return {
        "train": train.part(~held, f"without the {held.sum():,} held out"),
        "val": train.part(held, "held out"),
    }


def find_evaluation_masks(
    folder: str, classes: Sequence[str], fraction: float = 0.0
) -> MaskedImages:
    """Return the images and masks that a network's result is counted over: the part ``'test'`` or
    ``'val'`` of `mask_parts`, what was held out for want of both, or all of a folder that holds
    ``images/`` and ``masks/`` alone.

    Parameters
    ----------
    folder : str
        As `mask_parts` takes it.
    classes : sequence of str
        The network's.
    fraction : float, default 0
        What was held out of the training images.

    Raises
    ------
    InputError
        Where there are none, or their ``classes.txt`` names other classes.
    """
    found = _found(folder)
    tested = found.get("test", found.get("val"))
    if not tested and "train" in found:
        tested = _hold_out(found["train"], fraction)["val"] if fraction else found["train"]
    if not tested:
        raise InputError(f"{folder}: holds no {IMAGES}/ with {MASKS}/ to evaluate on")
    names = _named_classes(folder)
    unnamed = len(names) == len(classes) and list(classes) == _numbers(len(classes))
    if names and names != list(classes) and not unnamed:
        raise InputError(
            f"{os.path.join(folder, CLASSES)}: names other classes than the network's "
            f"{len(classes)} ({', '.join(classes[:3])}{', ...' if len(classes) > 3 else ''})"
        )
    return replace(tested, classes=list(classes))


def has_tested_masks(folder: str) -> bool:
    """Tell whether a folder of images and masks has a part that is not trained on."""
    return not {"val", "test"}.isdisjoint(_found(folder))


def holds_masks(folder: str) -> bool:
    """Return whether a folder has a layout of images with masks."""
    root = os.path.expanduser(folder)
    of_parts = [(IMAGES, MASKS), (VOC_IMAGES, VOC_MASKS)]
    of_parts += [(os.path.join("train", IMAGES), os.path.join("train", MASKS))]
    return any(all(os.path.isdir(os.path.join(root, name)) for name in pair) for pair in of_parts)


def _found(folder: str) -> Dict[str, MaskedImages]:
    """Return the parts that lie in a folder, in whichever layout."""
    root = os.path.expanduser(folder)
    if not os.path.isdir(root):
        raise InputError(f"{root}: no such folder: name one of images and masks with {{data_dir}}")
    if os.path.isdir(os.path.join(root, VOC_IMAGES)):
        pairs = _listed(root)
    else:
        parts = [
            part
            for part in ("train", "val", "test")
            if os.path.isdir(os.path.join(root, part, IMAGES))
        ]
        pairs = {part: _pairs(os.path.join(root, part)) for part in parts}
        if not parts and os.path.isdir(os.path.join(root, IMAGES)):
            pairs = {"train": _pairs(root)}
    return {part: MaskedImages(f"{root} ({part})", root, of) for part, of in pairs.items()}


def _pairs(folder: str) -> Pairs:
    """Return the images and masks of ``images/`` and ``masks/``, by name."""
    images = _by_stem(os.path.join(folder, IMAGES))
    masks = _by_stem(os.path.join(folder, MASKS), (SUFFIX,))
    for others, one, lacking in ((masks, images, "mask"), (images, masks, "image")):
        alone = [path for stem, path in one.items() if stem not in others]
        if alone:
            where = os.path.join(folder, MASKS if lacking == "mask" else IMAGES)
            raise InputError(
                f"{alone[0]}: has no {lacking} of its name in {where}"
                + (f", nor have {len(alone) - 1} others" if len(alone) > 1 else "")
            )
    if not images:
        raise InputError(f"{os.path.join(folder, IMAGES)}: holds no images")
    return [(path, masks[stem]) for stem, path in images.items()]


def _by_stem(folder: str, suffixes: Optional[Tuple[str, ...]] = None) -> Dict[str, str]:
    """Return the images of a folder by their names without endings."""
    found: Dict[str, str] = {}
    try:
        paths = image_files(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    for path in paths:
        stem, suffix = os.path.splitext(os.path.basename(path))
        if suffixes and suffix.lower() not in suffixes:
            raise InputError(f"{path}: a mask is a PNG file of labels, named like its image")
        other = found.setdefault(stem, path)
        if other != path:
            raise InputError(f"{path}: {other} has the same name; an image has one mask")
    return found


def _listed(root: str) -> Dict[str, Pairs]:
    """Return the parts of a folder in Pascal VOC's form; its test part has no masks."""
    images = _by_stem(os.path.join(root, VOC_IMAGES))
    parts = {}
    for part in ("train", "val"):
        path = os.path.join(root, VOC_LISTS, f"{part}.txt")
        if not os.path.lexists(path):
            continue
        names = read_text(path, 64 * MB).split()
        for name in names:
            if name not in images:
                shown = printable(name, SHOWN)
                raise InputError(f"{path}: names {shown}, which is not in {VOC_IMAGES}/")
        if not names:
            raise InputError(f"{path}: names no images")
        masks = os.path.join(root, VOC_MASKS)
        parts[part] = [(images[name], os.path.join(masks, name + SUFFIX)) for name in names]
    return parts


def _named_classes(folder: str) -> List[str]:
    """Return the classes of ``classes.txt``; none where there is no such file."""
    path = os.path.join(os.path.expanduser(folder), CLASSES)
    if not os.path.lexists(path):
        return []
    names = [line.strip() for line in read_text(path, MB).rstrip().split("\n")]
    if not 2 <= len(set(names)) == len(names) <= MAX_CLASSES or "" in names:
        raise InputError(f"{path}: takes the names of 2 to {MAX_CLASSES} classes, each on a line")
    return names


def _numbered_classes(train: MaskedImages, workers: int, strict: bool) -> List[str]:
    """Return numbers as names of the classes that occur."""
    used = np.flatnonzero(train.count_pixels(workers, strict)[:IGNORED])
    if len(used) < 2:
        raise InputError(
            f"{train.source}: its masks hold one class ({IGNORED} is none: neither learnt nor "
            "counted); two are needed to tell apart, such as 0 and 1"
        )
    return _numbers(used[-1] + 1)


def _numbers(count: int) -> List[str]:
    """Return what classes are called that have no names."""
    return [str(label) for label in range(count)]
