"""Writing files so that each is either whole or not there."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import Iterator

from .errors import InputError


@contextmanager
def replacing(path: str) -> Iterator[str]:
    """Give a path to write to; what was written becomes `path` at the end, or nothing does."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def write_json(path: str, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def read_json(path: str) -> dict:
    """Read a JSON object.

    Raises
    ------
    InputError
        For a file that cannot be read or holds no JSON object.
    """
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: does not hold a JSON object")
    return value
