"""``aff make-masks``: a folder of images and masks from COCO's annotations."""

from __future__ import annotations

import os
from typing import List

from ..compat import available_cpus
from ..data.coco import read_coco
from ..data.coco_set import found_since, make_masks
from ..data.made_folder import MANIFEST
from ..utils.files import folder_for_files
from ..utils.lock import locked
from ..utils.values import int_range, nonempty
from .common.parser import Parser
from .common.progress import progress

SHOWN = 5

GROUP, HELP = "data", "images and masks of COCO's objects"
DESCRIPTION = (
    "Make a part of a folder of images and masks from COCO's annotations of objects: OUT/<part>/ "
    "gets images/, of those that objects of the classes are in, and masks/, which label each pixel "
    f"with the class of its object; OUT gets classes.txt, and {MANIFEST} of counts. What is done "
    "already is left."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "annotations",
        metavar="ANNOTATIONS",
        type=nonempty,
        help="COCO's file of instances, such as instances_train2017.json",
    )
    parser.add_argument("out", metavar="OUT", type=nonempty, help="folder that the part goes to")
    parser.add_argument(
        "--images", type=nonempty, required=True, help="folder of the images that it describes"
    )
    parser.add_argument(
        "--classes",
        type=nonempty,
        nargs="+",
        metavar="NAME",
        default=[],
        help="names of the classes to take, in the order of their labels from 1; the rest is "
        "background (default: all)",
    )
    parser.add_argument(
        "--part", choices=("train", "val", "test"), default="train", help="the part to make"
    )
    parser.add_argument(
        "-j",
        "--num-workers",
        type=int_range(1, 256),
        default=available_cpus(),
        help="threads that decode and draw",
    )


def run(
    annotations: str, out: str, images: str, classes: List[str], part: str, num_workers: int
) -> int:
    """Make a part."""
    coco = read_coco(annotations, classes)
    with folder_for_files(out), locked(out, "OUT"):
        entry, is_new = make_masks(out, part, coco, images, num_workers, progress)
    shares = [
        f"{name} {100 * count / sum(entry.pixels.values()):.2f} %"
        for name, count in list(entry.pixels.items())[:SHOWN]
    ]
    print(
        f"{part}: {entry.images:,} images, pixels: {', '.join(shares)}"
        f"{', ...' if len(entry.pixels) > SHOWN else ''}{'' if is_new else ' (done already)'}"
    )
    if entry.left_out:
        print(
            f"{part}: {len(entry.left_out)} images are not there, do not decode or are of another "
            f"size, and were left out: {', '.join(entry.left_out[:SHOWN])} (all of them: "
            f"{MANIFEST})"
        )
    since = [] if is_new else found_since(entry, coco, images)
    if since:
        print(
            f"{part}: {len(since)} of these could be taken now: remove {os.path.join(out, part)} "
            "and run this again, with all images in place"
        )
    return 0
