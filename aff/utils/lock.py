"""One owner for a folder: no two processes write to it."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Iterator, Optional

from .errors import InputError
from .files import exclusive_file, make_folder
from .opening import MB, open_regular

LOCK = ".lock"


@contextmanager
def locked(folder: str, named: str) -> Iterator[None]:
    """Hold a folder, so that no other process that asks for it writes to it; a process's end, of
    whatever kind, lets go of it.

    Parameters
    ----------
    folder : str
        It is made anew where it is gone: who was refused there may have removed it, empty.
    named : str
        What names it: a setting in braces, or a command's word.

    Raises
    ------
    InputError
        Where another process holds it, or what stands in the lock's place is none.
    """
    path = os.path.join(folder, LOCK)

    def refuse(file: BinaryIO) -> None:
        raise InputError(
            f"{folder}: {_holder(file) or 'another process'} is writing there: wait for its end, "
            f"or name another {named}"
        )

    with ExitStack() as held:
        file = None
        while file is None:
            try:
                file = held.enter_context(exclusive_file(path, refuse))
            except FileNotFoundError:
                _make(folder)
            except OSError as error:
                raise _not_written(folder, error) from error
        if _holder(file) is None:
            raise InputError(f"{path}: is no lock of ours: move it away")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _make(folder: str) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise _not_written(folder, error) from error


def _not_written(folder: str, error: OSError) -> InputError:
    return InputError(f"{folder}: cannot be written to: {error.strerror}")


def holder_of(folder: str) -> str:
    """Return who holds a folder now; an empty text where nobody does."""
    path = os.path.join(folder, LOCK)
    if not os.path.isfile(path):
        return ""
    with open_regular(path, MB) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(file) or "another process"
        except OSError:  # a file system without locks
            pass
    return ""


def _holder(file: BinaryIO) -> Optional[str]:
    """Return who a lock's file says that holds it, or held it when it was killed; an empty text
    where it says nothing yet, None where it is no lock's.
    """
    file.seek(0)
    said = file.read(400).decode(errors="replace")
    return said if re.fullmatch(r"(process \d+ on [\w.-]*)?", said) else None
