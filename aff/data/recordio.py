"""Reading RecordIO files (``.rec``, ``.idx``) with bounds, by any number of threads.

A record is a magic number (u32), a word (u32) of a part flag (3 bits) and a length (29 bits), the
bytes, and padding to a multiple of 4. Bytes that contain the magic number are stored in several
parts, without it. mxnet's own reader keeps one position for all who read, and ends the process on a
damaged file.
"""

from __future__ import annotations

import os
import struct
from typing import List, Optional, Tuple

import mxnet as mx
import numpy as np

from ..errors import InputError

MAGIC = struct.pack("<I", 0xCED7230A)
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3


class RecordFile:
    """The records of a ``.rec`` file, by their place in it.

    Parameters
    ----------
    path : str
        The ``.rec`` file.
    index : str, optional
        Its ``.idx`` file, a line of key and offset each; without it the file is read through once.

    Raises
    ------
    InputError
        For a file that is missing or is not RecordIO, or an index that does not fit it.
    """

    def __init__(self, path: str, index: Optional[str] = None):
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115  (kept open, read by position)
            self._size = os.fstat(self._file.fileno()).st_size
            self.offsets = self._read_index(index) if index else self._scan()
        except OSError as error:
            name = error.filename or path
            raise InputError(f"{name}: cannot be read: {error.strerror}") from error
        if not self.offsets:
            raise InputError(f"{path}: holds no records")

    def __len__(self) -> int:
        return len(self.offsets)

    def read(self, place: int) -> Tuple[np.ndarray, bytes]:
        """Labels (one or several float32) and content of a record.

        Raises
        ------
        InputError
            For a damaged record, by its number and position.
        """
        data, _ = self._record(self.offsets[place], place)
        try:
            header, content = mx.recordio.unpack(data)
        except (struct.error, ValueError) as error:
            raise self._damaged(place, "its header is cut short") from error
        return np.atleast_1d(np.asarray(header.label, np.float32)), content

    def _damaged(self, place: int, reason: str) -> InputError:
        offset = f", byte {self.offsets[place]}" if hasattr(self, "offsets") else ""
        return InputError(f"{self.path}: record {place}{offset}: {reason}")

    def _record(self, offset: int, place: int) -> Tuple[bytes, int]:
        """A record's bytes, and where the next one starts."""
        parts: List[bytes] = []
        while True:
            head = os.pread(self._file.fileno(), 8, offset)
            if len(head) < 8 or head[:4] != MAGIC:
                raise self._damaged(place, f"no record starts at byte {offset}")
            word = struct.unpack("<I", head[4:])[0]
            flag, length = word >> 29, word & (1 << 29) - 1
            if offset + 8 + length > self._size:
                raise self._damaged(place, "the file ends within it")
            if flag not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
                raise self._damaged(place, f"its part at byte {offset} is out of order")
            data = os.pread(self._file.fileno(), length, offset + 8)
            parts.append(data)
            offset += 8 + (length + 3) // 4 * 4
            if flag in (WHOLE, LAST):
                return MAGIC.join(parts), offset

    def _scan(self) -> List[int]:
        offsets: List[int] = []
        offset = 0
        while offset < self._size:
            start = offset
            _, offset = self._record(start, len(offsets))
            offsets.append(start)
        return offsets

    def _read_index(self, index: str) -> List[int]:
        offsets = []
        with open(index, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                fields = line.split("\t")
                if len(fields) != 2 or not fields[1].strip().isdigit():
                    raise InputError(f"{index}: line {number} is no key and offset")
                offset = int(fields[1])
                if offset >= self._size:
                    raise InputError(
                        f"{index}: line {number} points behind the end of {self.path}: it is the "
                        "index of another file, or the file was cut short"
                    )
                offsets.append(offset)
        return offsets
