"""Download of a data set's files, checked before they get their final names."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
from functools import partial
from typing import Iterable, Iterator, Tuple

from mxnet.gluon.utils import _get_repo_file_url, check_sha1

from ...utils.download import download
from ...utils.errors import InputError
from ...utils.files import replacing

MAX_BYTES = 1 << 30
_OFFLINE = False


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Have nothing fetched: data sets are read where their files are here."""
    global _OFFLINE  # noqa: PLW0603
    before, _OFFLINE = _OFFLINE, True
    try:
        yield
    finally:
        _OFFLINE = before


def repository_url(namespace: str, filename: str) -> str:
    """Return the address of a file in mxnet's data repository; ``MXNET_GLUON_REPO`` names a mirror
    of it.
    """
    return _get_repo_file_url(f"gluon/dataset/{namespace}", filename)


def _check(sha1: str, path: str) -> None:
    if not check_sha1(path, sha1):
        raise InputError(f"what was downloaded does not fit SHA-1 {sha1}")


def fetch_files(files: Iterable[Tuple[str, str]], namespace: str, folder: str) -> None:
    """Download files of mxnet's data repository into `folder`.

    Parameters
    ----------
    files : iterable of (str, str)
        Names and SHA-1 sums. Archives (``.tar.gz``) are unpacked: their regular files land in
        `folder` by base name.
    namespace : str
        The repository's folder.
    folder : str
        Where they go. It is created only once everything has arrived and fits its sum; files that
        are there stay.

    Raises
    ------
    InputError
        When one cannot be fetched or does not fit its sum; `folder` is then as before.
    """
    if _OFFLINE:
        raise InputError("is not to be downloaded now")
    existing = folder
    while not os.path.exists(existing):
        existing = os.path.dirname(os.path.abspath(existing))
    if not os.path.isdir(existing) or not os.access(existing, os.W_OK):
        raise InputError(f"{existing} is no folder that can be written to")
    with tempfile.TemporaryDirectory(prefix="aff-fetch-") as temporary:
        for name, sha1 in files:
            url, path = repository_url(namespace, name), os.path.join(temporary, name)
            download(url, path, partial(_check, sha1), MAX_BYTES, keep=False)
            if name.endswith(".tar.gz"):
                unpack(path, temporary)
                os.remove(path)
        os.makedirs(folder, exist_ok=True)
        for name in sorted(set(os.listdir(temporary)) - set(os.listdir(folder))):
            with replacing(os.path.join(folder, name)) as copy:
                shutil.copyfile(os.path.join(temporary, name), copy)


def unpack(archive: str, folder: str) -> None:
    """Write the regular files of a tar archive to `folder` by their base names; nothing outside it
    is touched.
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isfile() else None
            if source:
                with open(os.path.join(folder, os.path.basename(member.name)), "wb") as out:
                    shutil.copyfileobj(source, out)


def is_official(path: str, sha1: str) -> bool:
    """Tell whether a file is the published one."""
    return check_sha1(path, sha1)
