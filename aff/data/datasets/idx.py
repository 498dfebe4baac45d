"""IDX files, the format of MNIST and Fashion-MNIST: unsigned bytes with their dimensions in front,
gzipped or not.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import List

import numpy as np

from ...utils.errors import InputError
from ...utils.opening import GB, open_regular, unreadable

_UNSIGNED_BYTE = 0x08
#: Four times the largest that was published in this form.
MAX_BYTES = 2 * GB


def find_idx(name: str, folders: List[str]) -> str:
    """Return the first of ``folder/name`` and ``folder/name.gz`` that exists, or an empty text."""
    for folder in folders:
        for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
            if os.path.isfile(path):
                return path
    return ""


def read_idx(path: str, ndim: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : str
        The file; unpacked while reading where it starts with gzip's magic number.
    ndim : int
        Number of dimensions that it must have: 3 for images, 1 for labels.

    Returns
    -------
    numpy.ndarray
        uint8, read-only, of the shape the header gives.

    Raises
    ------
    InputError
        For a file that cannot be read, is no IDX file of this kind, or holds fewer or more bytes
        than it says; the message names the file and the position.
    """
    with open_regular(path, MAX_BYTES) as raw:
        try:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                return _parse(path, file, ndim)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(path, error) from error


def _parse(path: str, file, ndim: int) -> np.ndarray:
    header_size = 4 + 4 * ndim
    header = file.read(header_size)
    if len(header) < header_size:
        raise InputError(
            f"{path}: ends at byte {len(header)}, within the header of {header_size} bytes"
        )
    zeros, kind, found = struct.unpack(">HBB", header[:4])
    if zeros or kind != _UNSIGNED_BYTE or found != ndim:
        raise InputError(
            f"{path}: byte 0: not an IDX file of unsigned bytes in {ndim} dimensions (starts with "
            f"0x{header[:4].hex()})"
        )
    shape = struct.unpack(f">{ndim}I", header[4:])
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise InputError(
            f"{path}: byte 4: claims {size} bytes of data, more than the {MAX_BYTES} allowed"
        )
    data = file.read(size + 1)
    if len(data) != size:
        position = header_size + min(len(data), size)
        trouble = "ends there" if len(data) < size else "goes on"
        raise InputError(
            f"{path}: byte {position}: {trouble}, but shape {shape} takes {size} bytes of data"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def read_images_and_labels(images_path: str, labels_path: str):
    """Read a pair of IDX files: images (N, 1, H, W) uint8 and labels (N,) int32, as many as each
    other.
    """
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise InputError(
            f"{images_path} holds {len(images)} images, {labels_path} {len(labels)} labels"
        )
    return images[:, None], labels.astype(np.int32)
