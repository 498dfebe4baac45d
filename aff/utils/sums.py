"""``SHA256SUMS`` of a folder: that its files are those that were saved together. Its form is that
of coreutils: ``sha256sum -c SHA256SUMS`` says the same.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Collection, Dict

from .errors import InputError
from .files import replacing
from .opening import ANY_SIZE, GB, KB, hash_of, read_text

SUMS = "SHA256SUMS"
#: What the file may hold: that of a checkpoint has four lines.
MAX_BYTES = 64 * KB
#: And the largest of a checkpoint's files.
MAX_FILE = 8 * GB


def sha256(path: str, max_bytes: int = ANY_SIZE) -> str:
    """Return SHA-256 of a file, as hexadecimal digits; a larger file is refused."""
    return hash_of(path, hashlib.sha256(), max_bytes)


def write_sums(folder: str) -> None:
    """Write the sums of all files in a folder."""
    lines = [f"{sha256(os.path.join(folder, name))}  {name}\n" for name in os.listdir(folder)]
    with replacing(os.path.join(folder, SUMS)) as path, open(path, "w", encoding="utf-8") as file:
        file.writelines(sorted(lines, key=lambda line: line.split()[1]))


def read_sums(folder: str) -> Dict[str, str]:
    """Return the sums of a folder's files by name; empty where it has none, as earlier versions
    left it.

    Raises
    ------
    InputError
        For a file that holds anything else.
    """
    path = os.path.join(folder, SUMS)
    if not os.path.lexists(path):
        return {}
    *lines, end = read_text(path, MAX_BYTES, "replace").split("\n")
    found = [re.fullmatch(r"([0-9a-f]{64})  ([\w.-]+)", line) for line in lines]
    if not lines or end or not all(found):
        raise InputError(f"{path}: is damaged")
    return {match[2]: match[1] for match in found if match}


def check_sums(folder: str, names: Collection[str]) -> bool:
    """Check the files of a folder against its sums; False where it has none.

    Parameters
    ----------
    folder : str
        The folder.
    names : collection of str
        Files that its sums have to be of, at least.

    Raises
    ------
    InputError
        For the first file that is not the one that was saved.
    """
    sums = read_sums(folder)
    for name in dict.fromkeys([*names, *sums]) if sums else ():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            raise InputError(f"{path}: no such file")
        if sums.get(name) != sha256(path, MAX_FILE):
            raise InputError(f"{path}: is damaged, or another's: {SUMS} beside it has another sum")
    return bool(sums)
