"""What ``aff prepare`` made: files of records, the manifest that says what they hold, and whether
they are that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Optional

from ..utils.errors import InputError
from ..utils.json_file import ranged, read_json, typed
from ..utils.opening import MB
from ..utils.sums import sha256
from .decoding import decode
from .images import RecordImages

MANIFEST = "manifest.json"
PARTS = ("train", "val")
#: It names each image that does not decode.
MAX_MANIFEST = 64 * MB
ENDINGS = (".rec", ".idx", ".lst")
Progress = Callable[[Iterable, int, str], Iterable]


@dataclass(frozen=True)
class Packed:
    """What the manifest says of a part.

    Parameters
    ----------
    source : str
        A sum that changes with the images that it was made of, in `folder`.
    images : int
        Records.
    classes : list of str
        Names, in the order of the labels, and of each class (`images_of_class`) its records.
    bytes : int
        Of the ``.rec`` file, and its `sha256`.
    sha256_of_lists : dict of str to str
        Of the other files, by ending.
    left_out : list of str
        Images that do not decode.
    resize, quality, seed : int, optional
        How they were packed, as `Packing.effective` says it.
    """

    source: str
    folder: str
    classes: List[str]
    sha256: str
    sha256_of_lists: Dict[str, str]
    images: int = ranged(1)
    images_of_class: List[int] = ranged(0)
    bytes: int = ranged(1)
    left_out: List[str] = field(default_factory=list)
    resize: int = ranged(0, default=0)
    quality: Optional[int] = ranged(1, 100, default=None)
    seed: Optional[int] = ranged(0, default=None)


def read_manifest(out: str) -> Dict[str, Packed]:
    """Return the manifest of a folder, by part; empty where there is none."""
    path, found = os.path.join(out, MANIFEST), all_of_manifest(out)
    return {part: typed(found[part], Packed, path, part) for part in PARTS if part in found}


def all_of_manifest(out: str) -> Dict[str, Any]:
    """Return the manifest of a folder as it stands there, with what is of no part."""
    path = os.path.join(out, MANIFEST)
    return read_json(path, max_bytes=MAX_MANIFEST) if os.path.lexists(path) else {}


def is_done(out: str, part: str, wanted: dict) -> bool:
    """Tell whether the part's files are there, whole, from the same images in the same way."""
    entry = read_manifest(out).get(part)
    records = os.path.join(out, part + ENDINGS[0])
    if not entry or not os.path.isfile(records):
        return False
    same = all(getattr(entry, key) == value for key, value in wanted.items())
    return same and entry.bytes == os.path.getsize(records) and _has_its_lists(out, part, entry)


def _has_its_lists(out: str, part: str, entry: Packed) -> bool:
    """Tell whether a part's other files than its records are those of the manifest."""
    places = {ending: os.path.join(out, part + ending) for ending in ENDINGS[1:]}
    if not all(map(os.path.isfile, places.values())):
        return False
    return {ending: sha256(path) for ending, path in places.items()} == entry.sha256_of_lists


def verify_part(out: str, part: str, progress: Progress) -> int:
    """Check that a part's records are those of the manifest, decode, and have labels in range.

    Returns
    -------
    int
        The number of records.

    Raises
    ------
    InputError
        For the first that does not, by its number.
    """
    entry = read_manifest(out).get(part)
    path = os.path.join(out, f"{part}.rec")
    images = RecordImages(path, os.path.join(out, f"{part}.idx"))
    classes = len(entry.classes) if entry else 0
    if entry and (len(images), sha256(path)) != (entry.images, entry.sha256):
        raise InputError(
            f"{path}: is not what {MANIFEST} says ({len(images)} records for {entry.images}, or "
            "another SHA-256): pack it anew"
        )
    if entry and not _has_its_lists(out, part, entry):
        lists = " or ".join(part + ending for ending in ENDINGS[1:])
        raise InputError(f"{out}: {lists} is not what {MANIFEST} says: pack it anew")
    for index in progress(range(len(images)), len(images), f"verify {part}"):
        content, label = images.read(index)
        decode(content, images.name(index))
        if classes and label >= classes:
            raise InputError(f"{images.name(index)}: label {label} is not in 0..{classes - 1}")
    return len(images)
