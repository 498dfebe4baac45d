"""ImageNet-style images, from RecordIO files or from a folder for each class, for evaluation.

The shorter side is scaled to ``size / crop_ratio``, the centre is cropped, and the values are
normalised: the published validation transform.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Iterator, List, Optional, Protocol, Tuple

import cv2
import numpy as np
from PIL import Image

from ..errors import InputError
from .batches import Batch, prefetch
from .recordio import RecordFile

#: Of each channel, red first, on a scale of 0 to 255.
MEAN = (123.68, 116.779, 103.939)
STD = (58.393, 57.12, 57.375)
CLASSES = 1000
SIZE, CROP_RATIO = 224, 0.875
VALIDATION_IMAGES = 50_000
MAX_PIXELS, MAX_ASPECT = 1 << 27, 200
EXTENSIONS = (".jpeg", ".jpg", ".png")
RECORDS = os.path.join("~", ".mxnet", "datasets", "imagenet", "rec", "val.rec")
FOLDER = os.path.join("~", ".mxnet", "datasets", "imagenet")


class Images(Protocol):
    """Encoded images with their labels, by place."""

    source: str

    def __len__(self) -> int: ...

    def read(self, place: int) -> Tuple[bytes, int]:
        """An image file's content and its label."""

    def name(self, place: int) -> str:
        """What to call an image in a message."""

    def check(self, classes: int) -> None:
        """Refuse images that cannot be a network's of so many classes."""


class FolderImages:
    """Images of a folder for each class.

    Labels are the places of the folders' names in their alphabetical order; where all names are
    WordNet numbers of ImageNet's 1,000 classes, the places of these classes, so that a part of
    ImageNet keeps its labels.

    Parameters
    ----------
    root : str
        Holds the classes' folders, or a folder ``val`` that does. Hidden folders, folders without
        images and other files are left out.

    Raises
    ------
    InputError
        For a folder that holds none.
    """

    def __init__(self, root: str):
        inner = os.path.join(root, "val")
        root = inner if os.path.isdir(inner) else root
        try:
            found = {
                entry.name: _image_files(entry.path)
                for entry in os.scandir(root)
                if entry.is_dir() and not entry.name.startswith(".")
            }
        except OSError as error:
            name = error.filename or root
            raise InputError(f"{name}: cannot be read: {error.strerror}") from error
        self.classes = sorted(name for name, files in found.items() if files)
        if not self.classes:
            raise InputError(
                f"{root}: holds no folder of images for each class ({', '.join(EXTENSIONS)})"
            )
        synset = {name: label for label, name in enumerate(imagenet_synset())}
        self.is_imagenet = set(self.classes) <= set(synset)
        labels = synset if self.is_imagenet else {n: i for i, n in enumerate(self.classes)}
        self._files: List[Tuple[str, int]] = [
            (path, labels[name]) for name in self.classes for path in found[name]
        ]
        self.source = root

    def __len__(self) -> int:
        return len(self._files)

    def check(self, classes: int) -> None:
        """Refuse folders that are not a network's classes.

        Raises
        ------
        InputError
            Where there are others than its classes.
        """
        if len(self.classes) != classes and not (self.is_imagenet and classes == CLASSES):
            raise InputError(
                f"{self.source}: holds {len(self.classes)} folders of images, the network has "
                f"{classes} classes; only folders named by ImageNet's WordNet numbers may be a part"
            )

    def read(self, place: int) -> Tuple[bytes, int]:
        path, label = self._files[place]
        try:
            with open(path, "rb") as file:
                return file.read(), label
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error

    def name(self, place: int) -> str:
        return self._files[place][0]


def _image_files(folder: str) -> List[str]:
    return sorted(
        os.path.join(folder, name)
        for name in os.listdir(folder)
        if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
    )


@lru_cache(maxsize=None)
def imagenet_synset() -> List[str]:
    """WordNet numbers of ImageNet's classes, in the order of their labels, as GluonCV has them."""
    from gluoncv.data import ImageNet1kAttr

    return ImageNet1kAttr().synset


class RecordImages:
    """Images of a ``.rec`` file, as im2rec packs them.

    Parameters
    ----------
    path : str
        The ``.rec`` file; a file of the same name that ends in ``.idx`` is used where it is there.
    """

    def __init__(self, path: str):
        index = os.path.splitext(path)[0] + ".idx"
        self._records = RecordFile(path, index if os.path.isfile(index) else None)
        self.source = path

    def __len__(self) -> int:
        return len(self._records)

    def read(self, place: int) -> Tuple[bytes, int]:
        labels, content = self._records.read(place)
        if len(labels) != 1 or not labels[0].is_integer() or labels[0] < 0:
            raise InputError(f"{self.name(place)}: its label is {labels.tolist()}")
        return content, int(labels[0])

    def name(self, place: int) -> str:
        return f"{self.source}: record {place}"

    def check(self, classes: int) -> None:
        """Labels are checked as they are read."""


def find_images(folder: Optional[str] = None, records: Optional[str] = None) -> Images:
    """The validation images that are named, or those at the usual places.

    Raises
    ------
    InputError
        Where there are none; the message says where they are expected.
    """
    if folder and records:
        raise InputError("validation images: name a folder or a .rec file, not both")
    if records:
        return RecordImages(os.path.expanduser(records))
    if folder:
        return FolderImages(os.path.expanduser(folder))
    if os.path.isfile(os.path.expanduser(RECORDS)):
        return RecordImages(os.path.expanduser(RECORDS))
    if os.path.isdir(os.path.join(os.path.expanduser(FOLDER), "val")):
        return FolderImages(os.path.expanduser(FOLDER))
    raise InputError(
        f"imagenet is not here: put the validation images into {FOLDER}/val/<class>/ or "
        f"{RECORDS}, or name them with --data-dir FOLDER or --rec-val FILE"
    )


def decode(content: bytes, name: str) -> np.ndarray:
    """An image file's pixels, (H, W, 3) uint8, red first.

    Raises
    ------
    InputError
        For what cannot be decoded, and for sizes that would fill the memory.
    """
    try:
        with Image.open(io.BytesIO(content)) as header:
            width, height = header.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_ASPECT * min(width, height):
            raise InputError(f"{name}: an image of {width} x {height} pixels is refused")
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, SyntaxError, Image.DecompressionBombError, cv2.error):
        pixels = None
    if pixels is None:
        raise InputError(f"{name}: cannot be decoded as an image")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def central_view(pixels: np.ndarray, size: int, crop_ratio: float) -> np.ndarray:
    """The centre (size, size, 3) of an image (H, W, 3) whose shorter side is scaled to ``size /
    crop_ratio`` first, bilinearly, as `ImageRecordIter` does it.
    """
    height, width = pixels.shape[:2]
    target, shorter = math.ceil(size / crop_ratio), min(height, width)
    scaled = (target * width // shorter, target * height // shorter)
    if scaled != (width, height):
        pixels = cv2.resize(pixels, scaled, interpolation=cv2.INTER_LINEAR)
    top, left = ((side - size) // 2 for side in pixels.shape[:2])
    return pixels[top : top + size, left : left + size]


@dataclass(frozen=True)
class ImageEvalBatches:
    """Every image exactly once, in order, as the validation transform gives it; the last batch may
    be smaller.

    Iterating gives data (B, 3, size, size) float32 and labels (B,) int32.

    Parameters
    ----------
    images : Images
        Where they come from.
    batch_size : int
        Images of a batch, over all devices.
    classes : int
        Labels are below it.
    size : int
        Height and width that the network is given.
    crop_ratio : float
        Share of the scaled shorter side that the crop keeps.
    workers : int
        Threads that prepare batches ahead.
    """

    images: Images
    batch_size: int
    classes: int = CLASSES
    size: int = SIZE
    crop_ratio: float = CROP_RATIO
    workers: int = 0

    @property
    def samples(self) -> int:
        """Number of images that an iteration gives."""
        return len(self.images)

    def __post_init__(self):
        self.images.check(self.classes)

    def __len__(self) -> int:
        return math.ceil(self.samples / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return prefetch(self._make, len(self), self.workers)

    def _make(self, index: int) -> Batch:
        places = range(
            index * self.batch_size, min((index + 1) * self.batch_size, len(self.images))
        )
        data = np.empty((len(places), self.size, self.size, 3), np.float32)
        labels = np.empty(len(places), np.int32)
        for row, place in enumerate(places):
            content, label = self.images.read(place)
            name = self.images.name(place)
            if label >= self.classes:
                raise InputError(f"{name}: label {label} is not in 0..{self.classes - 1}")
            labels[row] = label
            data[row] = central_view(decode(content, name), self.size, self.crop_ratio)
        data -= np.array(MEAN, np.float32)
        data /= np.array(STD, np.float32)
        return np.ascontiguousarray(data.transpose(0, 3, 1, 2)), labels
