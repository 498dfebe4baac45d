"""ImageNet's archives as they are downloaded, read in place.

``ILSVRC2012_img_train.tar`` holds a tar file for each class, named by its WordNet number;
``ILSVRC2012_img_val.tar`` holds the validation images in the order of their labels' list. None is
unpacked: images are read by their position in the archive.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from typing import BinaryIO, Iterator, List, Tuple

from ..utils.errors import InputError
from ..utils.opening import ANY_SIZE, KB, MB, open_regular, read_text
from .image_file import MAX_BYTES, SUFFIXES

MAX_LABELS = 64 * MB
TRAIN, VAL = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
BLOCK, LONGEST_NAME = tarfile.BLOCKSIZE, 64 * KB
#: ImageNet's largest archive has 50,000.
MAX_MEMBERS = 5_000_000
#: Members that say what the next one is called.
_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
Member = Tuple[str, int, int]


def _members(file: BinaryIO, path: str, start: int, end: int) -> Iterator[Member]:
    """Yield name, start and length of the regular files in a tar file that is not compressed, which
    is this part of a file. (`tarfile` believes what headers say of sizes and of holes.)

    Raises
    ------
    InputError
        For what is no tar file, a damaged one, or one with members of another form.
    """
    longer, position, count = "", start, 0
    while True:
        head = os.pread(file.fileno(), max(0, min(BLOCK, end - position)), position)
        if len(head) == BLOCK and not any(head):
            return
        if not head and position > start:
            raise InputError(f"{path}: has no end: it was cut short")
        try:
            member = tarfile.TarInfo.frombuf(head, "utf-8", "replace")
        except (tarfile.TarError, ValueError) as error:
            raise InputError(f"{path}: no tar file, or a damaged one ({error})") from error
        name, data = longer or member.name, position + BLOCK
        if not 0 <= member.size <= end - data or not name.isprintable():
            raise InputError(f"{path}: damaged, or cut short within {name!r}")
        position = data + -(-member.size // BLOCK) * BLOCK
        longer, count = "", count + 1
        if member.type in _NAMES:
            longer = _longer_name(member, os.pread(file.fileno(), LONGEST_NAME, data), path)
        elif member.type == tarfile.GNUTYPE_SPARSE or count > MAX_MEMBERS:
            raise InputError(f"{path}: {name}: members of this form, or so many, are not read")
        elif member.isfile():
            yield name, data, member.size


def _longer_name(member: tarfile.TarInfo, data: bytes, path: str) -> str:
    """Return the name that a header of a header gives to the next member; empty where it gives
    none.
    """
    if member.size > len(data):
        raise InputError(f"{path}: a header of {member.size} bytes is refused")
    data = data[: member.size]
    if member.type == tarfile.GNUTYPE_LONGNAME:
        return data.rstrip(b"\0").decode("utf-8", "replace")
    records = dict(re.findall(rb"^\d+ ([^=\n]+)=([^\n]*)$", data, re.MULTILINE))
    if b"size" in records or any(key.startswith(b"GNU.sparse") for key in records):
        raise InputError(f"{path}: members with holes, or of more than 8 GB, are not read")
    return records.get(b"path", b"").decode("utf-8", "replace")


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
        self._file = open_regular(path, ANY_SIZE)
        if not images:
            raise InputError(f"{path}: holds no images")
        for name, _, length, _ in images:
            if length > MAX_BYTES:
                raise InputError(f"{path}: {name}: an image of {length} bytes is refused")

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
    with open_regular(path, ANY_SIZE) as file:
        end = os.fstat(file.fileno()).st_size
        parts = _members(file, path, 0, end)
        inner = sorted(member for member in parts if member[0].endswith(".tar"))
        classes = [os.path.basename(name)[: -len(".tar")] for name, _, _ in inner]
        for label, (name, start, length) in enumerate(inner):
            part = _members(file, f"{path}: {name}", start, start + length)
            found += sorted(
                (f"{classes[label]}/{os.path.basename(image)}", place, size, label)
                for image, place, size in part
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
    names = read_text(labels, MAX_LABELS).split()
    numbers = [name for name in names if name.isdigit()]
    if numbers:
        raise InputError(
            f"{labels}: {numbers[0]} is no WordNet number such as n01440764; the devkit's numbers "
            "have to be looked up in its table of synsets"
        )
    with open_regular(path, ANY_SIZE) as archive:
        everything = _members(archive, path, 0, os.fstat(archive.fileno()).st_size)
        members = [member for member in everything if member[0].lower().endswith(SUFFIXES)]
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
