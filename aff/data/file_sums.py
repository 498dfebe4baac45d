"""What tells files of images from others: their names, and what is under the same names."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import Dict, Iterable, Tuple

import numpy as np

from ..utils.errors import InputError
from ..utils.opening import KB, open_regular
from .image_file import MAX_BYTES

#: Files, evenly apart, whose beginnings are read, and the bytes of each.
SAMPLED, BEGINNING = 500, 16 * KB


def sum_of_names(names: Iterable[str]) -> str:
    """Return a sum that tells these names, in this order, from others."""
    return hashlib.sha256(os.fsencode("\n".join(names))).hexdigest()


def sums_of_files(paths: Iterable[str], always: Iterable[str] = ()) -> Dict[str, str]:
    """Return sums, by what they are of; copies of the files share them, but for their times.

    Parameters
    ----------
    paths : iterable of str
        The files.
    always : iterable of str
        Those whose contents are always looked at.

    Returns
    -------
    dict
        Of the files' ``sizes``, of the ``times``, in seconds, when they were written, and of their
        ``contents``, as far as the beginnings of some tell them.
    """
    paths = list(paths)
    found = [_size_and_time(path) for path in paths]
    sums = {
        kind: hashlib.sha256(np.array(values, np.int64).tobytes()).hexdigest()
        for kind, values in zip(("sizes", "times"), zip(*found))
    }
    places = np.linspace(0, len(paths) - 1, min(len(paths), SAMPLED)).astype(int)
    sample = [*always, *(paths[place] for place in places)]
    return {**sums, "contents": _sum_of_beginnings(sample)}


def _size_and_time(path: str) -> Tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:  # who wants to read it will say so
        return -1, -1
    return status.st_size, int(status.st_mtime)


def _sum_of_beginnings(paths: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        beginning = b""
        with contextlib.suppress(InputError, OSError), open_regular(path, MAX_BYTES) as file:
            beginning = file.read(BEGINNING)
        digest.update(hashlib.sha256(beginning).digest())
    return digest.hexdigest()
