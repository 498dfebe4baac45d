"""The published parameter files, the authors' and our own: how each is fetched and verified."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from functools import partial
from typing import List, Optional

from ..utils.download import approved, download, owned, put_aside
from ..utils.errors import InputError, look_up
from ..utils.files import folder_for_files, replacing
from ..utils.opening import MB, hash_of, unreadable
from ..utils.shipped import find_shipped
from .records import REPOSITORY, WEIGHTS, WeightsRecord

DEFAULT_ROOT = "params"
#: GitHub takes no larger file into a repository.
MAX_BYTES = 100 * MB


def list_published() -> List[str]:
    """Return the names of the published parameter files."""
    return list(WEIGHTS)


def find_weights(name: str) -> WeightsRecord:
    """Return the record of a published file.

    Raises
    ------
    InputError
        For an unknown name; the message names some that exist.
    """
    return look_up("published parameters", name, WEIGHTS)


def blob_sha1(path: str) -> str:
    """Return a file's git blob SHA-1, ``sha1("blob <size>\0" + content)``, as ``git hash-object``
    prints it.
    """
    try:
        size = os.path.getsize(path)
    except OSError as error:
        raise unreadable(path, error) from error
    return hash_of(path, hashlib.sha1(b"blob %d\0" % size), MAX_BYTES)


def verify(record: WeightsRecord, path: str) -> None:
    """Refuse a file that is not the published one.

    Raises
    ------
    InputError
        With the hashes, and which published file it is where it is another one.
    """
    found = blob_sha1(path)
    if found == record.sha1:
        return
    others = [other.name for other in WEIGHTS.values() if other.sha1 == found]
    why = f"it is {others[0]}" if others else "truncated, altered, or another file"
    raise InputError(
        f"{path} is not the published {record.name}: its git blob SHA-1 is {found}, not "
        f"{record.sha1} ({why})"
    )


def shipped(record: WeightsRecord) -> str:
    """Return where this installation, or the clone that it runs from, has one of our own files.

    Raises
    ------
    InputError
        Where it has none.
    """
    path = find_shipped(DEFAULT_ROOT, record.filename)
    if path:
        return path
    raise InputError(
        f"{record.filename} is not in this installation: a clone of the repository has it in "
        f"{DEFAULT_ROOT}/; there, 'git checkout -- {DEFAULT_ROOT}' brings a lost one back"
    )


def fetch(
    name: str,
    root: Optional[str] = None,
    mirror: Optional[str] = None,
    source: Optional[str] = None,
) -> str:
    """Put a published file into a folder, verified.

    A file that is there already is verified and left; a wrong one is kept aside as
    ``<name>.params.refused`` once the right one is here.

    Parameters
    ----------
    name : str
        One of `list_published()`.
    root : str, default 'params'
        The folder; it is created.
    mirror : str, optional
        Address that serves ``<commit>/<path>`` as GitHub's raw files do; the environment variable
        ``AFF_MIRROR`` names one too.
    source : str, optional
        Copy this file instead of downloading one. (Our own files are copied from this installation
        or clone without it.)

    Returns
    -------
    str
        The file's path.

    Raises
    ------
    InputError
        Where it cannot be had or is not the published one.
    """
    record = find_weights(name)
    if record.ours and source is None:
        source = shipped(record)
    root = root or DEFAULT_ROOT
    path = os.path.join(root, record.filename)
    if source is not None:
        verify(record, source)
    if approved(partial(verify, record), path):
        return path
    url = record.url(mirror) if source is None else ""
    with folder_for_files(root):
        if source is not None:
            _copy(record, source, path)
        else:
            _download(record, url, path, root)
    return path


def _copy(record: WeightsRecord, source: str, path: str) -> None:
    try:
        with owned(f"{path}.part"):
            if approved(partial(verify, record), path):
                return  # another process was faster
            with replacing(path) as temporary:
                shutil.copyfile(source, temporary)
                verify(record, temporary)
                if os.path.exists(path):
                    put_aside(path, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def _download(record: WeightsRecord, url: str, path: str, root: str) -> None:
    try:
        download(url, path, partial(verify, record), MAX_BYTES)
    except InputError as error:
        official = record.url(REPOSITORY)
        what = "that address" if url == official else official
        raise InputError(
            f"{error}. Fetch {what} elsewhere and put the file here with: "
            f"{fetch_command(record.name, root)} --from FILE"
        ) from error


def fetch_command(name: str, root: str) -> str:
    """Return the command that fetches a published file into a folder."""
    where = "" if root == DEFAULT_ROOT else f" --root {shlex.quote(root)}"
    return f"python -m aff fetch {name}{where}"
