"""Writing files so that each is either whole or not there."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from .errors import InputError

#: How often to make a folder that other processes remove.
ATTEMPTS = 100


@contextmanager
def replacing(path: str) -> Iterator[str]:
    """Give a path to write a file or a folder to; what was written becomes `path` at the end, or
    nothing does. A folder does where there is none.
    """
    temporary = f"{path.rstrip(os.sep)}.{os.getpid()}.tmp"
    remove(temporary)  # a link there would lead what is written elsewhere
    try:
        yield temporary
        sync_path(temporary)
        os.replace(temporary, path)
    finally:
        remove(temporary)


#: How names of folders end that `replacing_folder` writes to.
TEMPORARY = ".tmp"


@contextmanager
def replacing_folder(path: str) -> Iterator[str]:
    """Give a new folder to write to, beside `path`; it becomes `path` at the end, or is removed."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{TEMPORARY}")
    remove(temporary)
    try:
        os.makedirs(temporary)
        yield temporary
        remove(path)
        os.replace(temporary, path)
    finally:
        remove(temporary)


def check_destination(path: str, formats: Sequence[str], field: str = "out") -> None:
    """Refuse the name of a file to be written before any work starts.

    Parameters
    ----------
    path : str
        The file.
    formats : sequence of str
        Endings that it may have, without their dot.
    field : str
        The setting that names it.

    Raises
    ------
    InputError
        Where it ends otherwise, or nothing can be written there.
    """
    folder = os.path.dirname(path) or "."
    if os.path.splitext(path)[1][1:].lower() not in formats:
        endings = " or ".join(f".{name}" for name in formats)
        raise InputError(f"{{{field}}} {path}: the file's name ends in {endings}")
    if not os.path.isdir(folder):
        raise InputError(f"{{{field}}} {path}: there is no folder {folder}: make it first")
    if os.path.isdir(path):
        raise InputError(f"{{{field}}} {path}: is a folder: name a file")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{{{field}}} {path}: {folder} cannot be written to: name another folder")


def check_destinations(files: Mapping[str, Tuple[str, Sequence[str]]]) -> None:
    """Refuse names of several files, by the settings that name them, each with the endings that it
    may have: as `check_destination`, and two of the same file.
    """
    taken: Dict[str, str] = {}
    for field, (path, formats) in files.items():
        check_destination(path, formats, field)
        other = taken.setdefault(os.path.realpath(path), field)
        if other != field:
            raise InputError(f"{{{other}}} and {{{field}}} both name {path}")


def remove(path: str) -> None:
    """Remove a file, a folder with all that is in it, or a link, not what that leads to; nothing
    where nothing is there.
    """
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def open_in_place(path: str, mode: str) -> Any:
    """Open a file that is written to where it lies, in a mode of `open`: a regular one, or a new
    one. No link is followed, and nothing that is no file waited for.

    Raises
    ------
    InputError
        For a link, a folder, a pipe or a device.
    """

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.ENXIO, "no file")
        return descriptor

    try:
        if "b" in mode:
            return open(path, mode, opener=opener)
        return open(path, mode, opener=opener, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise InputError(
                f"{path}: cannot be written to: it is a link, or no regular file: move it away"
            ) from error
        raise


@contextmanager
def folder_for_files(path: str) -> Iterator[None]:
    """Make a folder that files are to go to; where that fails in the end, the folders that were
    made go again, as far as they are empty.

    Raises
    ------
    InputError
        For what is no folder that can be written to.
    """
    made, missing = [], os.path.abspath(path)
    while not os.path.lexists(missing):
        made.append(missing)
        missing = os.path.dirname(missing)
    try:
        make_folder(path)
    except OSError as error:
        raise InputError(f"{path}: files cannot go there: {error.strerror}") from error
    # What is removed at this moment is made again by who holds it.
    if not os.access(path, os.W_OK) and os.path.isdir(path):
        raise InputError(f"{path}: files cannot go there: it cannot be written to")
    try:
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):  # not empty, or another process was faster
                os.rmdir(folder)
        raise


def names_in(folder: str) -> List[str]:
    """Return the names in a folder, sorted; none where it is not there, or no folder."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def make_folder(path: str) -> None:
    """Make a folder and those that it is in, also where other processes remove them meanwhile."""
    for left in range(ATTEMPTS)[::-1]:
        try:
            return os.makedirs(path, exist_ok=True)
        except (FileExistsError, FileNotFoundError):
            if not left or (os.path.lexists(path) and not os.path.isdir(path)):
                raise


def open_to_readers(path: str) -> None:
    """Give a file the rights that new files have here, where a library made it private."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)


def sync_path(path: str) -> None:
    """Make what a file holds, or the names in a folder, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(source: str, path: str) -> None:
    """Give a file that will not be changed a second name, in place of what has that name; a copy
    where the file system knows no links.
    """
    with replacing(path) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


@contextmanager
def exclusive_file(path: str, busy: Callable[[BinaryIO], object]) -> Iterator[BinaryIO]:
    """Yield a file that one process has at a time, open to append and to read; it is removed where
    it is empty at the end. A process's end, of whatever kind, lets go of it.

    Whoever waited may find that the file has got another name meanwhile, or is gone: then it is
    opened anew.

    Parameters
    ----------
    path : str
        The file.
    busy : callable
        Is given the file where another process has it; raises, or returns to wait for that.

    Raises
    ------
    InputError
        For a link, and what else is no regular file.
    """
    while True:
        with open_in_place(path, "a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                busy(file)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:  # a file system without locks
                pass
            if not _is(file, path):
                continue
            try:
                yield file
            finally:
                file.flush()
                if _is(file, path) and os.path.getsize(path) == 0:
                    os.remove(path)
            return


def _is(file: BinaryIO, path: str) -> bool:
    """Tell whether the open file is the one of this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False


def write_json(path: str, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
