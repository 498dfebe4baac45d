"""A folder of images and masks from COCO's annotations, as :mod:`.mask_folders` reads it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, Iterable, List, Optional, Tuple

import numpy as np

from ..utils.errors import InputError
from ..utils.files import replacing_folder
from ..utils.opening import read_bytes
from ..utils.sums import sha256
from .coco import BACKGROUND, CROWDS, MAX_BYTES, CocoImage, CocoMasks
from .decoding import decode
from .image_file import MAX_BYTES as MAX_IMAGE
from .loader import prefetch
from .made_folder import open_made, refuse_others, write_made
from .mask_file import IGNORED, SUFFIX, encode_mask
from .mask_folders import IMAGES, MASKS

MADE_BY = "aff make-masks"
Progress = Callable[[Iterable, int, str], Iterable]


@dataclass(frozen=True)
class CocoPart:
    """What the manifest says of a part.

    Parameters
    ----------
    annotations : str
        SHA-256 of the annotation file.
    images : int
        How many there are.
    pixels : dict of str to int
        Pixels of each class, and of those that are ignored.
    left_out : list of str
        Images that are not there, do not decode, or are of another size than they should be.
    """

    annotations: str
    images: int
    pixels: Dict[str, int]
    left_out: List[str]


@dataclass(frozen=True)
class CocoManifest:
    """What a folder of images and masks from COCO says of itself.

    Parameters
    ----------
    made_by : str
        `MADE_BY`.
    classes : list of str
        Names, in the order of the labels, from the background on.
    parts : dict of str to CocoPart
        Those that are made.
    """

    made_by: str
    classes: List[str]
    parts: Dict[str, CocoPart] = field(default_factory=dict)


def make_masks(
    out: str, part: str, coco: CocoMasks, folder: str, workers: int, progress: Progress
) -> Tuple[CocoPart, bool]:
    """Write a part of a folder of images and masks: ``<part>/images/``, copies of the images that
    objects of the classes are in; ``<part>/masks/``; and the folder's ``classes.txt`` and manifest.
    The part is there as a whole or not at all; one that is there already is left.

    Parameters
    ----------
    out : str
        The folder; it exists, and nobody else writes to it.
    part : str
        ``'train'``, ``'val'`` or ``'test'``.
    coco : CocoMasks
        The objects.
    folder : str
        Where the images' files are.
    workers : int
        Threads that decode and draw.
    progress : callable
        Wraps an iterable, given its length and a description.

    Returns
    -------
    part : CocoPart
        What is there.
    is_new : bool
        Whether it was made now.

    Raises
    ------
    InputError
        For a folder that holds anything else, and where no image is left.
    """
    names = [BACKGROUND, *coco.classes]
    manifest = open_made(out, CocoManifest(MADE_BY, names), ("classes",))
    annotations = sha256(coco.path, MAX_BYTES)
    entry, place = manifest.parts.get(part), os.path.join(out, part)
    if entry and os.path.isdir(place):
        if entry.annotations != annotations:
            raise InputError(f"{place}: was made of other annotations: name another OUT")
        return entry, False
    refuse_others(place)
    with replacing_folder(place) as temporary:
        entry = _write_part(temporary, coco, folder, annotations, workers, progress)
        write_made(out, replace(manifest, parts={**manifest.parts, part: entry}), names)
    return entry, True


def _write_part(
    temporary: str,
    coco: CocoMasks,
    folder: str,
    annotations: str,
    workers: int,
    progress: Progress,
) -> CocoPart:
    for name in (IMAGES, MASKS):
        os.makedirs(os.path.join(temporary, name))

    def load(index: int) -> Optional[Tuple[bytes, np.ndarray]]:
        image = coco.images[index]
        try:
            content = _content(folder, image)
        except InputError:
            return None
        return content, coco.mask(image)

    counts, left_out = np.zeros(256, np.int64), []
    total = len(coco.images)
    loaded = progress(prefetch(load, total, workers), total, "draw masks")
    for image, found in zip(coco.images, loaded):
        if not found:
            left_out.append(image.file_name)
            continue
        content, labels = found
        stem = os.path.splitext(image.file_name)[0]
        for name, what in (
            (os.path.join(IMAGES, image.file_name), content),
            (os.path.join(MASKS, stem + SUFFIX), encode_mask(labels)),
        ):
            with open(os.path.join(temporary, name), "xb") as file:
                file.write(what)
        counts += np.bincount(labels.ravel(), minlength=256)
    if len(left_out) == total:
        raise InputError(
            f"{folder}: holds none of the {total} images that objects of these classes are in, "
            "in the sizes that the annotations say"
        )
    pixels = dict(zip([BACKGROUND, *coco.classes], counts.tolist()))
    return CocoPart(
        annotations, total - len(left_out), {**pixels, CROWDS: int(counts[IGNORED])}, left_out
    )


def found_since(part: CocoPart, coco: CocoMasks, folder: str) -> List[str]:
    """Return the images that were left out of a part and could be taken now."""
    left_out, found = set(part.left_out), []
    for image in coco.images:
        if image.file_name in left_out:
            with suppress(InputError):
                _content(folder, image)
                found.append(image.file_name)
    return found


def _content(folder: str, image: CocoImage) -> bytes:
    """Return an image's file, which decodes to the size that it should have."""
    path = os.path.join(folder, image.file_name)
    content = read_bytes(path, MAX_IMAGE)
    if decode(content, path).shape[:2] != (image.height, image.width):
        raise InputError(f"{path}: is of another size than its annotations say")
    return content
