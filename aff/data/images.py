"""Encoded images with their labels, from RecordIO files or from a folder for each class."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from ..utils.errors import InputError, telling
from ..utils.opening import read_bytes
from ..utils.values import recorded
from .file_sums import sum_of_names, sums_of_files
from .image_file import MAX_BYTES, SUFFIXES
from .image_source import Images
from .recordio import RecordFile

cv2.setNumThreads(0)  # its callers here are threads themselves

IMAGENET_CLASSES = 1000
#: From here on a record's label, a float32, is not every whole number.
MAX_LABEL = 1 << 24
IMAGENET = os.path.join("~", ".mxnet", "datasets", "imagenet")


class FolderImages:
    """Images of a folder for each class.

    Labels are the positions of the folders' names in their alphabetical order. For a network of
    1,000 classes, where all names are WordNet numbers of ImageNet's, they are the labels of these
    classes, so that a part of ImageNet keeps its labels.

    Parameters
    ----------
    root : str
        Holds the classes' folders, or a folder `part` that does. Hidden folders, folders without
        images and other files are left out.
    part : str, default 'val'
        ``'train'``, ``'val'`` or ``'test'``.

    Raises
    ------
    InputError
        For a folder that holds none, and for classes whose names are not UTF-8.
    """

    def __init__(self, root: str, part: str = "val"):
        inner = os.path.join(root, part)
        root = inner if os.path.isdir(inner) else root
        try:
            found = {
                entry.name: image_files(entry.path)
                for entry in os.scandir(root)
                if entry.is_dir() and not entry.name.startswith(".")
            }
        except OSError as error:
            name = error.filename or root
            raise InputError(f"{name}: cannot be read: {error.strerror}") from error
        self.classes = sorted(name for name, files in found.items() if files)
        if not self.classes:
            raise InputError(
                f"{root}: holds no folder of images for each class ({', '.join(SUFFIXES)})"
            )
        for name in self.classes:  # a run keeps them
            with telling(f"{root}: a class"):
                recorded(name)
        self._files = [(path, name) for name in self.classes for path in found[name]]
        self._labels = {name: label for label, name in enumerate(self.classes)}
        self.source = self.folder = root

    def __len__(self) -> int:
        return len(self._files)

    def labels(self) -> np.ndarray:
        return np.array([self._labels[name] for _, name in self._files])

    def label_for(self, classes: int) -> None:
        """Make the labels those of a network of so many classes.

        Raises
        ------
        InputError
            Where the folders are not its classes.
        """
        if len(self._labels) == classes:
            return
        synset = {name: label for label, name in enumerate(imagenet_synset())}
        if classes == IMAGENET_CLASSES and set(self.classes) <= set(synset):
            self._labels = synset
        else:
            raise InputError(
                f"{self.source}: holds {len(self.classes)} folders of images, the network has "
                f"{classes} classes; only folders named by ImageNet's WordNet numbers may be a part"
            )

    def read(self, index: int) -> Tuple[bytes, int]:
        path, name = self._files[index]
        return read_bytes(path, MAX_BYTES), self._labels[name]

    def label_as(self, names: Sequence[str]) -> None:
        """Number the classes as these names are.

        Raises
        ------
        InputError
            Where another class is among them.
        """
        others = sorted(set(self.classes) - set(names))
        if others:
            raise InputError(
                f"{self.source}: holds classes that the training images do not: "
                f"{', '.join(others[:3])}{', ...' if len(others) > 3 else ''}"
            )
        self._labels = {name: label for label, name in enumerate(names)}

    def name(self, index: int) -> str:
        return self._files[index][0]

    def relative(self, index: int) -> str:
        """Return an image's name in the folder, ``<class>/<file>``."""
        return os.path.relpath(self.name(index), self.source)

    def order(self) -> str:
        """Return a sum of the images' names in their order."""
        return sum_of_names(self.relative(index) for index in range(len(self)))

    @cached_property
    def sums(self) -> Dict[str, str]:
        """Those of the files; each class's first tells it from others."""
        firsts = {name: path for path, name in reversed(self._files)}
        return sums_of_files((path for path, _ in self._files), firsts.values())

    def fingerprint(self) -> str:
        """Return a sum of the images' names, sizes and times, which changes with them."""
        digest = hashlib.sha256()
        for path, _ in self._files:
            size = time = -1
            with suppress(OSError):  # a link to nothing, which cannot be read either
                status = os.stat(path)
                size, time = status.st_size, status.st_mtime_ns
            line = f"{os.path.realpath(path)}\t{size}\t{time}\n"
            digest.update(os.fsencode(line))
        return digest.hexdigest()


def image_files(folder: str) -> List[str]:
    """Return the paths of a folder's images, by name; hidden files are left out."""
    return sorted(
        os.path.join(folder, name)
        for name in os.listdir(folder)
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    )


@lru_cache(maxsize=None)
def imagenet_synset() -> List[str]:
    """Return WordNet numbers of ImageNet's classes, in the order of their labels, as GluonCV has
    them.
    """
    from gluoncv.data import ImageNet1kAttr

    return ImageNet1kAttr().synset


class RecordImages:
    """Images of a ``.rec`` file, as im2rec packs them.

    Parameters
    ----------
    path : str
        The ``.rec`` file.
    idx_path : str, optional
        Its ``.idx`` file, which gives the order; by default the file of the same name that ends so,
        where it is there.
    """

    def __init__(self, path: str, idx_path: Optional[str] = None):
        beside = os.path.splitext(path)[0] + ".idx"
        self._records = RecordFile(path, idx_path or (beside if os.path.isfile(beside) else None))
        self.source, self.folder = path, os.path.dirname(path)

    @cached_property
    def _labels(self) -> List[int]:
        """Each record's label."""
        return [self._label(index, self._records.labels(index)) for index in range(len(self))]

    @property
    def classes(self) -> List[int]:
        """The labels that occur."""
        return sorted(set(self._labels))

    def __len__(self) -> int:
        return len(self._records)

    def labels(self) -> np.ndarray:
        return np.array(self._labels)

    def read(self, index: int) -> Tuple[bytes, int]:
        labels, content = self._records.read(index)
        return content, self._label(index, labels)

    def _label(self, index: int, labels: np.ndarray) -> int:
        if len(labels) != 1 or not labels[0].is_integer() or not 0 <= labels[0] < MAX_LABEL:
            raise InputError(f"{self.name(index)}: its label is {labels.tolist()}")
        return int(labels[0])

    def name(self, index: int) -> str:
        return f"{self.source}: record {index}"

    def order(self) -> str:
        """Return a sum of the records' labels and positions in the file, in their order."""
        return hashlib.sha256(
            np.array([self._labels, self._records.offsets], np.int64).tobytes()
        ).hexdigest()

    @property
    def sums(self) -> Dict[str, str]:
        """The sum of a sample of the file."""
        return {"contents": self._records.sample()}

    def label_for(self, classes: int) -> None:
        """Keep the labels that the records have.

        Raises
        ------
        InputError
            For the first that a network of so many classes does not have.
        """
        for index, label in enumerate(self._labels):
            if label >= classes:
                raise InputError(f"{self.name(index)}: label {label} is not in 0..{classes - 1}")


def usual_records(part: str) -> str:
    """Return where the ``.rec`` file of ImageNet's 'train' or 'val' part is expected."""
    return os.path.join(IMAGENET, "rec", f"{part}.rec")


def find_images(
    part: str,
    folder: Optional[str] = None,
    records: Optional[str] = None,
    idx_path: Optional[str] = None,
) -> Images:
    """Return the images that are named, or those at the usual places.

    Parameters
    ----------
    part : str
        ``'train'``, ``'val'`` or ``'test'``.
    folder : str, optional
        Holds ``<part>/<class>/`` or ``<class>/``.
    records, idx_path : str, optional
        A ``.rec`` file and its ``.idx``.

    Raises
    ------
    InputError
        Where there are none; the message says where they are expected.
    """
    if folder and records:
        raise InputError("images: name a folder or a .rec file, not both")
    if records:
        return RecordImages(os.path.expanduser(records), idx_path and os.path.expanduser(idx_path))
    if folder:
        return FolderImages(os.path.expanduser(folder), part)
    usual = usual_records(part)
    if os.path.isfile(os.path.expanduser(usual)):
        return RecordImages(os.path.expanduser(usual))
    if os.path.isdir(os.path.join(os.path.expanduser(IMAGENET), part)):
        return FolderImages(os.path.expanduser(IMAGENET), part)
    raise InputError(
        f"imagenet's {part} images are not here: put them into {IMAGENET}/{part}/<class>/ or "
        f"{usual} ('aff prepare' makes it), or name others with {{data_dir}} or {{rec_{part}}}"
    )
