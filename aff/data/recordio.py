"""Reading RecordIO files (``.rec``, ``.idx``) with bounds, by any number of threads.

A record is a magic number (u32), a word (u32) of a part flag (3 bits) and a length (29 bits), the
bytes, and padding to a multiple of 4. Bytes that contain the magic number are stored in several
parts, without it. mxnet's own reader keeps one position for all who read, and ends the process on a
damaged file.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import List, Optional, Tuple

import mxnet as mx
import numpy as np

from ..utils.errors import InputError
from ..utils.opening import ANY_SIZE, GB, open_regular, read_lines
from .image_file import MAX_BYTES

MAGIC = struct.pack("<I", 0xCED7230A)
HEADER = struct.Struct("<IfQQ")  # mxnet's image header: count of labels, label, two ids
#: Of some 40 million records.
MAX_INDEX = GB
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
#: What tells files apart without reading all of them: so many parts, of so many bytes each.
STRETCHES, STRETCH = 64, 1 << 16


def holds(path: str, count: int) -> bool:
    """Tell whether a file is of so many records, all of them whole."""
    try:
        return len(RecordFile(path)) == count
    except InputError:
        return False


class RecordFile:
    """The records of a ``.rec`` file, by their index in it.

    Parameters
    ----------
    path : str
        The ``.rec`` file.
    idx_path : str, optional
        Its ``.idx`` file, a line of key and offset each, which gives the order.

    Raises
    ------
    InputError
        For a file that is missing or is not RecordIO, or an index that does not fit it.
    """

    def __init__(self, path: str, idx_path: Optional[str] = None):
        self.path = path
        try:
            self._file = open_regular(path, ANY_SIZE)
        except InputError as error:
            raise InputError(f"{error.message}: 'aff prepare' makes such files") from error
        self._size = os.fstat(self._file.fileno()).st_size
        self.offsets = self._scan()
        if idx_path:
            self.offsets = self._in_order_of(idx_path)
        if not self.offsets:
            raise InputError(f"{path}: holds no records")

    def __len__(self) -> int:
        return len(self.offsets)

    def read(self, index: int) -> Tuple[np.ndarray, bytes]:
        """Return labels (one or several float32) and content of a record.

        Raises
        ------
        InputError
            For a damaged record, by its number and position.
        """
        parts, _ = self._parts(self.offsets[index], index)
        data = MAGIC.join(self._bytes(size, start, index) for start, size in parts)
        try:
            header, content = mx.recordio.unpack(data)
        except (struct.error, ValueError) as error:
            raise self._damaged(index, "its header is cut short") from error
        return np.atleast_1d(np.asarray(header.label, np.float32)), content

    def sample(self) -> str:
        """Return a sum of the file's length and of `STRETCHES` parts of it, evenly apart, which
        copies of it share.
        """
        digest = hashlib.sha256(str(self._size).encode())
        for start in range(0, self._size, max(STRETCH, self._size // STRETCHES)):
            digest.update(os.pread(self._file.fileno(), STRETCH, start))
        return digest.hexdigest()

    def labels(self, index: int) -> np.ndarray:
        """Return a record's label; of several labels, that there are as many, as NaN."""
        parts, _ = self._parts(self.offsets[index], index)
        start, size = parts[0]
        if size < HEADER.size:
            raise self._damaged(index, "its header is cut short")
        head = self._bytes(HEADER.size + 4, start, index)
        count, label, _, _ = HEADER.unpack(head[: HEADER.size])
        if count == 1 and size >= HEADER.size + 4:  # one label, packed as several are
            count, label = 0, struct.unpack("<f", head[HEADER.size :])[0]
        return np.array([label] if count == 0 else [np.nan] * min(count, 2), np.float32)

    def _bytes(self, size: int, start: int, index: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), size, start)
        except OSError as error:
            raise self._damaged(index, f"cannot be read: {error.strerror}") from error

    def _damaged(self, index: int, reason: str) -> InputError:
        offset = f", byte {self.offsets[index]}" if hasattr(self, "offsets") else ""
        return InputError(f"{self.path}: record {index}{offset}: {reason}")

    def _parts(self, offset: int, index: int) -> Tuple[List[Tuple[int, int]], int]:
        """Start and length of the parts of a record, and where the next record starts."""
        parts: List[Tuple[int, int]] = []
        whole = 0
        while True:
            head = self._bytes(8, offset, index)
            if len(head) < 8 or head[:4] != MAGIC:
                raise self._damaged(index, f"no record starts at byte {offset}")
            word = struct.unpack("<I", head[4:])[0]
            flag, length = word >> 29, word & (1 << 29) - 1
            if offset + 8 + length > self._size:
                raise self._damaged(index, "the file ends within it")
            if flag not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
                raise self._damaged(index, f"its part at byte {offset} is out of order")
            parts.append((offset + 8, length))
            whole += length
            if whole > MAX_BYTES:
                raise self._damaged(index, f"of more than {MAX_BYTES} bytes")
            offset += 8 + (length + 3) // 4 * 4
            if flag in (WHOLE, LAST):
                return parts, offset

    def _scan(self) -> List[int]:
        offsets: List[int] = []
        offset = 0
        while offset < self._size:
            offsets.append(offset)
            _, offset = self._parts(offset, len(offsets) - 1)
        return offsets

    def _in_order_of(self, idx_path: str) -> List[int]:
        offsets = []
        for number, line in enumerate(read_lines(idx_path, MAX_INDEX), 1):
            try:
                _, offset = line.split("\t")
                offsets.append(int(offset))
            except ValueError:
                raise InputError(f"{idx_path}: line {number} is no key and offset") from None
        if sorted(offsets) != self.offsets:
            raise InputError(
                f"{idx_path}: does not fit {self.path}: {len(offsets)} entries for "
                f"{len(self.offsets)} records, {len(set(offsets) & set(self.offsets))} of which it "
                "finds; remove the index, or make it anew"
            )
        return offsets
