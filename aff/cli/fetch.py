"""``aff fetch``: published parameter files, downloaded or copied, and verified."""

from __future__ import annotations

import shlex
from typing import List, Optional

from ..models.weights import DEFAULT_ROOT, fetch, find_weights, list_published
from ..utils.errors import InputError
from ..utils.report import interpreter
from ..utils.values import nonempty
from .common.parser import Parser

ALL = "all"


GROUP, HELP = "evaluate", "download and verify published parameters"
DESCRIPTION = (
    "Put published parameter files into a folder, each verified "
    "by its git blob SHA-1 before it gets its name. A download that broke off goes on where it "
    "was; files that are there are verified and left."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "names", metavar="NAME", nargs="+", help=f"names of 'aff list published', or {ALL}"
    )
    parser.add_argument(
        "--root", type=nonempty, default=DEFAULT_ROOT, help="folder that the files go to"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        type=nonempty,
        default=None,
        help="take this file, which you have already, instead of downloading (one NAME)",
    )
    where.add_argument(
        "--mirror",
        metavar="URL",
        type=nonempty,
        default=None,
        help="address that serves <commit>/<path> of the repository in place of "
        "raw.githubusercontent.com/YimianDai/open-aff; AFF_MIRROR names one too",
    )


def run(names: List[str], root: str, source: Optional[str], mirror: Optional[str]) -> int:
    """Fetch published parameters."""
    names = list_published() if names == [ALL] else list(dict.fromkeys(names))
    if source and len(names) > 1:
        raise InputError(f"--from gives one file, and {len(names)} are named")
    for record in [find_weights(name) for name in names]:
        path = fetch(record.name, root, mirror, source)
        print(f"{path}: verified, git blob SHA-1 {record.sha1}", flush=True)
    if len(names) == 1:
        where = "" if root == DEFAULT_ROOT else f" --root {shlex.quote(root)}"
        print(f"evaluate it with: {interpreter()} -m aff evaluate {names[0]}{where}")
    return 0
