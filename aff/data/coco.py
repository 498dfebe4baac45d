"""COCO's annotations of objects: outlines and runs of pixels to masks of classes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from ..utils.errors import InputError, unknown
from ..utils.json_file import ranged, read_json
from ..utils.opening import GB
from .image_file import SUFFIXES
from .mask_file import IGNORED

#: Twice the largest that was published, the training instances of 2017.
MAX_BYTES, MAX_VALUES = GB, 200_000_000
MAX_SIDE = 1 << 16
#: What pixels of no class are called.
BACKGROUND, CROWDS = "background", "ignored"


@dataclass(frozen=True)
class CocoImage:
    """An image of an annotation file.

    Parameters
    ----------
    id, width, height : int
        Its number, and its sides in pixels.
    file_name : str
        Of its file, without a folder.
    """

    id: int
    file_name: str
    width: int = ranged(1, MAX_SIDE)
    height: int = ranged(1, MAX_SIDE)


@dataclass(frozen=True)
class CocoCategory:
    """A class of an annotation file, by number and name."""

    id: int
    name: str


@dataclass(frozen=True)
class CocoAnnotation:
    """An object in an image.

    Parameters
    ----------
    image_id, category_id : int
        Numbers of its image and of its class.
    segmentation : object
        Polygons, each a list of x and y in turn; or runs, ``{'size': [h, w], 'counts': ...}``, of
        which `counts` is a list of the lengths of runs outside and inside in turn, down the
        columns, or the text that COCO writes for one.
    iscrowd : int, default 0
        1 where it stands for many that nobody told apart.
    """

    image_id: int
    category_id: int
    segmentation: Any
    iscrowd: int = ranged(0, 1, default=0)


@dataclass(frozen=True)
class CocoFile:
    """What is read of an annotation file."""

    images: List[CocoImage]
    annotations: List[CocoAnnotation]
    categories: List[CocoCategory]


@dataclass(frozen=True)
class CocoMasks:
    """Images that objects of some classes are in, with their masks.

    Parameters
    ----------
    path : str
        The annotation file.
    classes : list of str
        Names of the classes 1 to K; 0 is the background.
    images : list of CocoImage
        The images, by their files' names.
    objects : dict of int to list of CocoAnnotation
        An image's number to its objects of these classes.
    labels : dict of int to int
        A category's number to its label.
    """

    path: str
    classes: List[str]
    images: List[CocoImage]
    objects: Dict[int, List[CocoAnnotation]]
    labels: Dict[int, int]

    def mask(self, image: CocoImage) -> np.ndarray:
        """Return an image's labels, (height, width) uint8.

        Of objects that overlap the smaller is seen. Crowds are `IGNORED`, where no object is.

        Raises
        ------
        InputError
            For an object whose outline is none.
        """
        size = (image.height, image.width)
        found = [
            (self.labels[one.category_id], bool(one.iscrowd), inside)
            for one in self.objects[image.id]
            for inside in [rasterise(one.segmentation, size, f"{self.path}: {image.file_name}")]
        ]
        labels = np.zeros(size, np.uint8)
        for label, is_crowd, inside in sorted(
            found, key=lambda one: (one[1], int(one[2].sum())), reverse=True
        ):
            labels[inside] = IGNORED if is_crowd else label
        return labels


def read_coco(path: str, classes: Sequence[str] = ()) -> CocoMasks:
    """Read an annotation file of object instances.

    Parameters
    ----------
    path : str
        Such as ``instances_train2017.json``.
    classes : sequence of str
        Names of the categories to take, in the order of their labels from 1; none: all, in the
        order of their numbers.

    Raises
    ------
    InputError
        For a file of another form, a class that it does not know, or one without objects of them.
    """
    found: CocoFile = read_json(path, CocoFile, MAX_BYTES, MAX_VALUES)
    known = dict.fromkeys(one.name for one in sorted(found.categories, key=lambda one: one.id))
    names = list(classes or known)
    for name in names:
        if name not in known:
            raise unknown(f"class of {path}:", name, known)
    if len(set(names)) < len(names) or len(names) >= IGNORED:
        raise InputError(
            f"{{classes}}: takes the names of at most {IGNORED - 1} classes, each once"
        )
    _check_names(path, names)
    labels = {one.id: names.index(one.name) + 1 for one in found.categories if one.name in names}
    objects: Dict[int, List[CocoAnnotation]] = {}
    for one in found.annotations:
        if one.category_id in labels:
            objects.setdefault(one.image_id, []).append(one)
    images = sorted(
        (image for image in found.images if image.id in objects), key=lambda one: one.file_name
    )
    stems = {os.path.splitext(image.file_name)[0] for image in images}
    strange = [image.file_name for image in images if not _is_plain(image.file_name)]
    if strange or len(stems) < len(images):
        raise InputError(
            f"{path}: names of images have to be names of files, each once"
            + (f", not {strange[0]!r}" if strange else "")
        )
    if not images:
        raise InputError(f"{path}: holds no objects of {', '.join(names[:3])}")
    return CocoMasks(path, names, images, objects, labels)


def _check_names(path: str, names: Sequence[str]) -> None:
    for name in names:
        if name in (BACKGROUND, CROWDS):
            raise InputError(
                f"{path}: a class cannot be called {name}, as pixels of no class are: name the "
                "others with {classes}"
            )
        if not name.isprintable() or name != name.strip() or not name:
            raise InputError(f"{path}: names of classes have to be lines of text, not {name!r}")


def _is_plain(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and name == os.path.basename(name) and name[0] != "."


def rasterise(segmentation: Any, size: Tuple[int, int], name: str) -> np.ndarray:
    """Return which pixels are an object's, (H, W) bool: polygons as COCO's own code fills them, but
    those of one point or two, which have no area.

    Parameters
    ----------
    segmentation : object
        As `CocoAnnotation` describes it.
    size : (int, int)
        Height and width.
    name : str
        What to call the image in a message.

    Raises
    ------
    InputError
        For what describes no part of such an image, and for polygons where pycocotools is not
        installed.
    """
    if isinstance(segmentation, dict):
        return _from_runs(segmentation, size, name)
    height, width = size
    polygon: Any
    filled = []
    for polygon in segmentation if isinstance(segmentation, list) else [None]:
        numbers = isinstance(polygon, list) and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in polygon
        )
        if not numbers or len(polygon) % 2:
            raise InputError(f"{name}: an object's polygon has to be x and y of points in turn")
        if len(polygon) < 6:
            continue
        filled.append(polygon)
        for values, side in ((polygon[0::2], width), (polygon[1::2], height)):
            if min(values) < -side or max(values) > 2 * side:
                raise InputError(f"{name}: an object's polygon lies outside the image")
    if not filled:
        return np.zeros(size, bool)
    coco = _pycocotools()
    runs = coco.merge(coco.frPyObjects(filled, height, width))
    return coco.decode(runs).astype(bool)


def _from_runs(segmentation: Dict[str, Any], size: Tuple[int, int], name: str) -> np.ndarray:
    counts: Any = segmentation.get("counts")
    if isinstance(counts, str):
        counts = _lengths(counts)
    whole = isinstance(counts, list) and all(
        isinstance(value, int) and value >= 0 for value in counts
    )
    if segmentation.get("size") != list(size) or not whole or sum(counts) != size[0] * size[1]:
        raise InputError(f"{name}: an object's runs are not those of an image of its size")
    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return inside.reshape(size[::-1]).T


def _lengths(text: str) -> List[int]:
    """Return lengths of runs from the text that COCO writes for them: five bits a letter, the
    lowest first, a sixth where more follow; from the fourth length on, the difference to the last
    but one.
    """
    lengths: List[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            return []
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths


def _pycocotools() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise InputError(
            "COCO's polygons are filled by pycocotools, which is not installed: pip install "
            "pycocotools"
        ) from error
    return mask
