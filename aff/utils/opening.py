"""The one opener of files that somebody names: regular files of a bounded size, and nothing else.

A name may be a link to ``/dev/zero``, a FIFO that nobody writes to, or a sparse file that claims a
terabyte: none of these may hang a reader or fill its memory.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO, Iterator

from .errors import InputError

KB, MB, GB, TB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
#: Of a file that is read by position, however large.
ANY_SIZE = 16 * TB
LINE = MB
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: str, max_bytes: int) -> BinaryIO:
    """Open a file to read its bytes.

    Parameters
    ----------
    path : str
        The file, or a link to it.
    max_bytes : int
        Refuse a larger one.

    Raises
    ------
    InputError
        For what is no regular file, or is larger, or cannot be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise unreadable(path, error) from error
    try:
        _check(path, os.fstat(descriptor), max_bytes)
    except InputError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def check_regular(path: str, max_bytes: int) -> None:
    """Refuse, as `open_regular` does, a file that a library is to open by its name."""
    open_regular(path, max_bytes).close()


def read_bytes(path: str, max_bytes: int) -> bytes:
    """Return a file's content; of more than `max_bytes` it is refused, as by `open_regular`."""
    with open_regular(path, max_bytes) as file:
        try:
            content = file.read(max_bytes + 1)
        except OSError as error:
            raise unreadable(path, error) from error
    if len(content) > max_bytes:  # it grows
        raise _too_large(path, max_bytes)
    return content


def read_text(path: str, max_bytes: int, errors: str = "strict") -> str:
    """Return a file's text, UTF-8, without the byte-order mark that some editors put before it;
    otherwise as `read_bytes`. `errors` are those of `bytes.decode`.

    Raises
    ------
    InputError
        Also for what is no such text.
    """
    try:
        text = read_bytes(path, max_bytes).decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read: no text of UTF-8 at byte {error.start}"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: str, max_bytes: int, max_line: int = LINE) -> Iterator[str]:
    """Yield a text file's lines, each with its end, as far as they are read; a byte that is not
    UTF-8 is replaced, a line of more than `max_line` bytes left out. Otherwise as `open_regular`.
    """
    with open_regular(path, max_bytes) as file:
        try:
            whole = True
            for part in iter(lambda: file.readline(max_line), b""):
                ends = part.endswith(b"\n") or len(part) < max_line
                if whole and ends:
                    yield part.decode("utf-8", "replace").replace("\r\n", "\n")
                whole = ends
        except OSError as error:
            raise unreadable(path, error) from error


def unreadable(path: str, error: Exception) -> InputError:
    """Return what is raised for a file that the system does not let us read."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: cannot be read: no such file")
    return InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")


def hash_of(path: str, digest, max_bytes: int = ANY_SIZE) -> str:
    """Return what a hash of :mod:`hashlib` makes of a file, as hexadecimal digits."""
    with open_regular(path, max_bytes) as file:
        try:
            for chunk in iter(lambda: file.read(MB), b""):
                digest.update(chunk)
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()


def _check(path: str, status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in _KINDS if test(status.st_mode)), "a socket")
        raise InputError(f"{path}: cannot be read: it is {kind}, no file")
    if status.st_size > max_bytes:
        raise _too_large(path, max_bytes)


def _too_large(path: str, max_bytes: int) -> InputError:
    unit = next(
        ((size, name) for size, name in ((GB, "GB"), (MB, "MB"), (KB, "kB")) if max_bytes >= size),
        (1, "bytes"),
    )
    return InputError(
        f"{path}: a file of more than {max_bytes // unit[0]} {unit[1]} is refused here"
    )
