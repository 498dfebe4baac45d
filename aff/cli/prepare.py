"""``aff prepare``: ``.rec`` files from folders of images, or from ImageNet's archives."""

from __future__ import annotations

import os
import sys
from typing import Dict, Optional

from ..compat import available_cpus
from ..data.archives import TRAIN, VAL, open_train, open_val
from ..data.images import FolderImages
from ..data.packed import MANIFEST, PARTS, read_manifest, verify_part
from ..data.prepare import Packing, Source, pack
from ..utils.errors import InputError
from ..utils.files import folder_for_files
from ..utils.lock import locked
from ..utils.values import int_range, nonempty, recorded
from .common.parser import Parser, parse
from .common.progress import progress

__all__ = ["add_arguments", "parse", "run"]

SHOWN = 5

GROUP, HELP = "data", ".rec files from folders of images"
DESCRIPTION = (
    "Pack train/<class>/ and val/<class>/ of a folder of images into .rec, .idx "
    f"and .lst files for train_imagenet.py --use-rec, with a {MANIFEST} of counts and "
    "checksums. Images that do not decode are left out and listed. What is done already is "
    "left."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        default=None,
        type=nonempty,
        help=f"folder that holds train/ and val/, or {TRAIN} and {VAL} as they are downloaded",
    )
    parser.add_argument("out", metavar="OUT", type=recorded, help="folder that the files go to")
    parser.add_argument(
        "--resize",
        type=int_range(0, 10000),
        default=0,
        help="scale a longer shorter side to so many pixels; 0: keep files as they are",
    )
    parser.add_argument(
        "--quality",
        type=int_range(1, 100),
        default=95,
        help="of the JPEG files that --resize writes",
    )
    parser.add_argument(
        "--val-labels",
        type=nonempty,
        default=None,
        metavar="FILE",
        help=f"for {VAL}: the WordNet number of each image, a line each, in the order of the "
        "images' names",
    )
    parser.add_argument(
        "--seed", type=int_range(0), default=0, help="of the training images' order"
    )
    parser.add_argument(
        "-j",
        "--num-workers",
        type=int_range(1, 256),
        default=available_cpus(),
        help="threads that decode and scale",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="check the files of OUT: sums, labels, and that every record decodes",
    )


def find_sources(folder: str, val_labels: Optional[str]) -> Dict[str, Source]:
    """Return the parts that are there, as folders of images or else as ImageNet's archives.

    Raises
    ------
    InputError
        Where there are none, or the validation archive lacks its labels.
    """
    parts: Dict[str, Source] = {
        part: FolderImages(folder, part)
        for part in PARTS
        if os.path.isdir(os.path.join(folder, part))
    }
    if parts:
        for archive in (TRAIN, VAL):
            if os.path.isfile(os.path.join(folder, archive)):
                print(f"{archive} is not read: {folder} holds folders of images", file=sys.stderr)
        if val_labels:
            raise InputError(f"--val-labels is for {VAL}; {folder} holds folders of images")
        return parts
    if os.path.isfile(os.path.join(folder, VAL)) and not val_labels:
        raise InputError(f"{os.path.join(folder, VAL)} needs --val-labels FILE")
    if os.path.isfile(os.path.join(folder, TRAIN)):
        parts["train"] = open_train(os.path.join(folder, TRAIN))
    if val_labels and os.path.isfile(os.path.join(folder, VAL)):
        parts["val"] = open_val(os.path.join(folder, VAL), val_labels)
    if not parts:
        raise InputError(
            f"{folder}: holds neither train/ nor val/ with a folder for each class, nor {TRAIN} or "
            f"{VAL}"
        )
    return parts


def pack_all(
    folder: str, out: str, how: Packing, num_workers: int, val_labels: Optional[str]
) -> None:
    """Pack every part of the folder, while no other process writes to `out`."""
    found = find_sources(folder, val_labels)
    with folder_for_files(out), locked(out, "OUT"):
        _pack_parts(folder, found, out, how, num_workers)


def _pack_parts(
    folder: str, found: Dict[str, Source], out: str, how: Packing, num_workers: int
) -> None:
    names = [set(images.classes) for images in found.values()]
    packed = (entry for part, entry in read_manifest(out).items() if part not in found)
    names += [set(entry.classes) for entry in packed]
    if names[0] != names[-1]:
        first, second = names[0], names[-1]
        raise InputError(
            f"{folder}: training and validation images are of other classes: "
            f"{', '.join(sorted(first ^ second)[:SHOWN])} only in one of them"
        )
    for part, images in found.items():
        entry = pack(images, out, part, how, num_workers, progress)
        if entry is None:
            print(f"{part}: done already")
            continue
        print(
            f"{part}: {entry.images} images of {len(entry.classes)} classes, "
            f"{entry.bytes / 1e6:.1f} MB, SHA-256 {entry.sha256}"
        )
        if entry.left_out:
            print(
                f"{part}: {len(entry.left_out)} images do not decode and were left out: "
                f"{', '.join(entry.left_out[:SHOWN])} (all of them: {MANIFEST})"
            )


def run(
    folder: Optional[str],
    out: str,
    resize: int,
    quality: int,
    val_labels: Optional[str],
    seed: int,
    num_workers: int,
    verify: bool,
) -> int:
    """Pack a folder, or verify what was packed."""
    if folder:
        pack_all(folder, out, Packing(resize, quality, seed), num_workers, val_labels)
    elif not verify:
        raise InputError("give FOLDER and OUT, or OUT and --verify")
    if verify:
        manifest = read_manifest(out)
        if not manifest:
            raise InputError(f"{out}: holds no {MANIFEST} of 'aff prepare'")
        known = [set(entry.classes) for entry in manifest.values()]
        if known[0] != known[-1]:
            raise InputError(f"{out}: its parts are of other classes: pack them anew")
        for part in manifest:
            count = verify_part(out, part, progress)
            print(f"{part}: {count} records verified")
    return 0
