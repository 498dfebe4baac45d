"""ImageNet's archives as they are downloaded, read in place.

``ILSVRC2012_img_train.tar`` holds a tar file for each class, named by its WordNet number;
``ILSVRC2012_img_val.tar`` holds the validation images in the order of their labels' list. None is
unpacked: images are read by their position in the archive.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from typing import BinaryIO, Iterator, List, Tuple

from ..utils.errors import InputError
from .image_file import SUFFIXES

TRAIN, VAL = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
Member = Tuple[str, int, int]


def _members(file: BinaryIO, path: str) -> Iterator[Member]:
    """Yield name, start and length of the regular files in a tar file that is not compressed."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if member.isfile():
                    yield member.name, member.offset_data, member.size
    except tarfile.TarError as error:
        raise InputError(f"{path}: no tar file, or a damaged one ({error})") from error


class ArchiveImages:
    """Images in an archive, by index.

    Parameters
    ----------
    path : str
        The archive.
    classes : list of str
        Names of the classes, in the order of their labels.
    images : list of (str, int, int, int)
        Name, start, length and label of each image.
    """

    def __init__(self, path: str, classes: List[str], images: List[Tuple[str, int, int, int]]):
        self.source, self.classes = path, classes
        self._images = images
        self._file = open(path, "rb")  # noqa: SIM115  (kept open, read by position)
        size = os.fstat(self._file.fileno()).st_size
        if not images:
            raise InputError(f"{path}: holds no images")
        for name, start, length, _ in images:
            if start + length > size:
                raise InputError(f"{path}: ends within {name}: it was cut short")

    def __len__(self) -> int:
        return len(self._images)

    def read(self, index: int) -> Tuple[bytes, int]:
        """Return an image file's content and its label."""
        _, start, length, label = self._images[index]
        return os.pread(self._file.fileno(), length, start), label

    def name(self, index: int) -> str:
        """Return what to call an image in a message."""
        return f"{self.source}: {self._images[index][0]}"

    def relative(self, index: int) -> str:
        """Return an image's name in the archive, ``<class>/<file>``."""
        return self._images[index][0]

    def fingerprint(self) -> str:
        """Return a sum that is the same where the archive has not changed."""
        status = os.fstat(self._file.fileno())
        told = f"{os.path.abspath(self.source)}\t{status.st_size}\t{status.st_mtime_ns}"
        labels = ",".join(str(label) for *_, label in self._images)
        return hashlib.sha256(f"{told}\t{labels}".encode()).hexdigest()


def open_train(path: str) -> ArchiveImages:
    """Open the training archive: a tar file of a tar file for each class.

    Raises
    ------
    InputError
        For a damaged archive, or one of another form.
    """
    found = []
    with _opened(path) as file:
        inner = sorted(member for member in _members(file, path) if member[0].endswith(".tar"))
        classes = [os.path.basename(name)[: -len(".tar")] for name, _, _ in inner]
        for label, (name, start, length) in enumerate(inner):
            part = _Part(file, start, length)
            found += sorted(
                (f"{classes[label]}/{os.path.basename(image)}", start + offset, size, label)
                for image, offset, size in _members(part, f"{path}: {name}")  # type: ignore
                if image.lower().endswith(SUFFIXES)
            )
    return ArchiveImages(path, classes, found)


def open_val(path: str, labels: str) -> ArchiveImages:
    """Open the validation archive with a file of its labels.

    Parameters
    ----------
    path : str
        The archive.
    labels : str
        A text file with the WordNet number of each image, a line each, in the order of the images'
        names (``ILSVRC2012_val_00000001.JPEG`` first).

    Raises
    ------
    InputError
        For a damaged archive, or labels that are not as many as the images.
    """
    try:
        with open(labels, encoding="utf-8") as file:
            names = file.read().split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{labels}: cannot be read: {error}") from error
    numbers = [name for name in names if name.isdigit()]
    if numbers:
        raise InputError(
            f"{labels}: {numbers[0]} is no WordNet number such as n01440764; the devkit's numbers "
            "have to be looked up in its table of synsets"
        )
    with _opened(path) as archive:
        members = [m for m in _members(archive, path) if m[0].lower().endswith(SUFFIXES)]
    members.sort(key=lambda member: os.path.basename(member[0]))
    if len(members) != len(names):
        raise InputError(f"{labels}: holds {len(names)} labels for the {len(members)} images")
    classes = sorted(set(names))
    number = {name: label for label, name in enumerate(classes)}
    found = [
        (f"{label}/{os.path.basename(image)}", start, size, number[label])
        for (image, start, size), label in zip(members, names)
    ]
    return ArchiveImages(path, classes, found)


def _opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


class _Part:
    """A part of a file as a file of its own, for `tarfile`."""

    def __init__(self, file: BinaryIO, start: int, length: int):
        self._file, self._start, self._length, self._position = file, start, length, 0

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def read(self, count: int = -1) -> bytes:
        left = max(0, self._length - self._position)
        count = left if count < 0 else min(count, left)
        data = os.pread(self._file.fileno(), count, self._start + self._position)
        self._position += len(data)
        return data
