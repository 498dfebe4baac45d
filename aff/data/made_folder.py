"""What folders of images and masks that a command made have in common: names of the classes, and a
manifest that says what made them and how, written after what it tells of.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any, Optional, Sequence, Type, TypeVar

from ..utils.errors import InputError
from ..utils.files import TEMPORARY, replacing, write_json
from ..utils.json_file import read_json, typed
from ..utils.lock import LOCK
from ..utils.opening import MB
from .mask_folders import CLASSES

MANIFEST = "manifest.json"
#: It may name each image of a large set.
MAX_MANIFEST = 64 * MB
Manifest = TypeVar("Manifest")


def read_made(folder: str, made_by: str, kind: Type[Manifest]) -> Optional[Manifest]:
    """Return the manifest of a folder; None where it has none.

    Parameters
    ----------
    folder : str
        The folder.
    made_by : str
        The command that has to have made it, as its manifest says.
    kind : type
        The manifest's dataclass.

    Raises
    ------
    InputError
        For a manifest of something else.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.lexists(path):
        return None
    found = read_json(path, max_bytes=MAX_MANIFEST)
    if found.get("made_by") != made_by:
        raise InputError(f"{path}: was not written by '{made_by}'")
    return typed(found, kind, path)


def open_made(out: str, wanted: Any, same: Sequence[str]) -> Any:
    """Return the manifest of a folder that is to be written to, or what is wanted of a new one.

    Parameters
    ----------
    out : str
        The folder; it exists.
    wanted : Manifest
        What it is to say, with its `made_by`.
    same : sequence of str
        Fields that have to be those of what is there already.

    Raises
    ------
    InputError
        For a folder that holds anything else.
    """
    found = read_made(out, wanted.made_by, type(wanted))
    others = [name for name in os.listdir(out) if name != LOCK and not name.endswith(TEMPORARY)]
    if others and not found:
        raise InputError(f"{out}: holds other files: name a new folder as OUT")
    other = [name for name in same if found and getattr(found, name) != getattr(wanted, name)]
    if other:
        raise InputError(
            f"{out}: was made with other {', '.join(other)} ({MANIFEST} says which): name another "
            "OUT"
        )
    return found or wanted


def refuse_others(place: str) -> None:
    """Refuse a part's place where something lies that was not made as that part: its manifest is
    written before it is put there.

    Raises
    ------
    InputError
        Where it is taken.
    """
    if os.path.lexists(place):
        raise InputError(f"{place}: is there already, and was not made here: move it away")


def write_made(out: str, manifest: Any, classes: Sequence[str]) -> None:
    """Write a folder's manifest, and the names of its classes."""
    with replacing(os.path.join(out, CLASSES)) as path, open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{name}\n" for name in classes))
    write_json(os.path.join(out, MANIFEST), asdict(manifest))
