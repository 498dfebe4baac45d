"""Reading mxnet's file of named arrays (``.params``) with bounds on everything.

mxnet's own reader trusts the counts, lengths and shapes that a file claims; a damaged or hostile
file makes it allocate what it is told to, or ends the process. Here names and shapes are read
first, within the bounds of the file, and values only when they are asked for.

Layout, little-endian: header and a reserved word (u64 each); the number of arrays (u64); the
arrays; the number of names (u64); the names, each its length (u64) and UTF-8 bytes. An array: magic
(u32), storage type (i32; not in version 1), number of dimensions (i32), the dimensions (i64 each),
device type and number (i32 each), number format (i32), values.
"""

from __future__ import annotations

import math
import os
import struct
from typing import BinaryIO, Dict, NamedTuple, Tuple

import numpy as np

from .errors import InputError
from .opening import ANY_SIZE, open_regular, unreadable

HEADER = 0x112
VERSION_1, VERSION_2, VERSION_3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DTYPES = {
    0: np.float32,
    1: np.float64,
    2: np.float16,
    3: np.uint8,
    4: np.int32,
    5: np.int8,
    6: np.int64,
    7: np.bool_,
}
MAX_DIMENSIONS = 32
MAX_NAME = 512
SMALLEST_ARRAY = 24  # bytes, at least
MAX_ARRAYS = 100_000  # the deepest networks here have 40,000
DENSE = 0


class Entry(NamedTuple):
    """Where an array's values are, and what they are."""

    shape: Tuple[int, ...]
    dtype: np.dtype
    offset: int

    @property
    def size(self) -> int:
        """Length of the values in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


class _Reader:
    """Reads fields one after another, never beyond the end of the file."""

    def __init__(self, file: BinaryIO, path: str):
        self.file, self.path = file, path
        self.size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def damaged(self, reason: str) -> InputError:
        return InputError(
            f"{self.path}: not a parameter file of mxnet, or a damaged one (at byte "
            f"{self.file.tell()} of {self.size}: {reason})"
        )

    def bytes(self, count: int, what: str) -> bytes:
        if count > self.size - self.file.tell():
            raise self.damaged(f"the file ends within {what}")
        data = self.file.read(count)
        if len(data) != count:
            raise self.damaged(f"the file ends within {what}")
        return data

    def field(self, kind: str, what: str) -> int:
        return struct.unpack(f"<{kind}", self.bytes(struct.calcsize(kind), what))[0]

    def count(self, smallest: int, what: str) -> int:
        """Return a number of entries, each of at least so many bytes."""
        count = self.field("Q", f"the number of {what}")
        if count > MAX_ARRAYS or count * smallest > self.size - self.file.tell():
            raise self.damaged(f"{count} {what} cannot be")
        return count

    def entry(self, index: int) -> Entry:
        """Return shape, format and place of an array; its values are passed over."""
        what = f"array {index}"
        magic = self.field("I", what)
        if magic not in (VERSION_1, VERSION_2, VERSION_3):
            raise self.damaged(f"{what} starts with {magic:#x}, no version of mxnet's arrays")
        if magic != VERSION_1 and self.field("i", what) != DENSE:
            raise self.damaged(f"{what} is not dense")
        dimensions = self.field("i", what)
        smallest = 0 if magic == VERSION_3 else 1  # before version 3 none means "no values"
        if not smallest <= dimensions <= MAX_DIMENSIONS:
            raise self.damaged(f"{what} has {dimensions} dimensions")
        shape = struct.unpack(f"<{dimensions}q", self.bytes(8 * dimensions, what))
        self.bytes(8, what)
        flag = self.field("i", what)
        if flag not in DTYPES:
            raise self.damaged(f"{what} is of an unknown number format, {flag}")
        dtype = np.dtype(DTYPES[flag]).newbyteorder("<")
        if min(shape, default=1) < 1:
            raise self.damaged(f"{what} has the shape {shape}")
        entry = Entry(shape, dtype, self.file.tell())
        if entry.size > self.size - self.file.tell():
            raise self.damaged(f"the file ends within {what} of shape {shape}")
        self.file.seek(entry.size, os.SEEK_CUR)
        return entry

    def name(self) -> str:
        length = self.field("Q", "a name's length")
        if length > MAX_NAME:
            raise self.damaged(f"a name of {length} bytes")
        try:
            name = self.bytes(length, "a name").decode()
        except UnicodeDecodeError:
            raise self.damaged("a name that is not UTF-8") from None
        if not name.isprintable():
            raise self.damaged(f"a name that cannot be printed, {name!r}")
        return name

    def all(self) -> Dict[str, Entry]:
        if self.field("Q", "the header") != HEADER:
            raise self.damaged("another header than mxnet's")
        self.field("Q", "the header")
        entries = [self.entry(index) for index in range(self.count(SMALLEST_ARRAY, "arrays"))]
        names = [self.name() for _ in range(self.count(8, "names"))]
        if self.file.tell() != self.size:
            raise self.damaged(f"{self.size - self.file.tell()} bytes are left over")
        if not names and entries:
            raise InputError(f"{self.path}: holds arrays without names, not parameters")
        if len(names) != len(entries):
            raise self.damaged(f"{len(names)} names for {len(entries)} arrays")
        if len(set(names)) != len(names):
            raise self.damaged("a name that occurs twice")
        return dict(zip(names, entries))


class ArrayFile:
    """The named arrays of a file as ``mxnet.nd.save`` and ``Block.save_parameters`` write it.

    Names and shapes are known at once (`shapes`); ``file[name]`` reads an array's values.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    InputError
        For a file that is missing or cannot be read, is not in this format, is cut short or
        damaged, or holds sparse arrays or arrays without names.
    """

    def __init__(self, path: str):
        self.path = path
        with open_regular(path, ANY_SIZE) as file:
            try:
                self._entries = _Reader(file, path).all()
            except OSError as error:
                raise unreadable(path, error) from error

    @property
    def shapes(self) -> Dict[str, tuple]:
        """Shape of each array, in the order of the file."""
        return {name: entry.shape for name, entry in self._entries.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self._entries[name]
        with open_regular(self.path, ANY_SIZE) as file:
            try:
                file.seek(entry.offset)
                data = file.read(entry.size)
            except OSError as error:
                raise unreadable(self.path, error) from error
        if len(data) != entry.size:
            raise InputError(f"{self.path}: was changed while it was read")
        return np.frombuffer(data, entry.dtype).reshape(entry.shape)
