"""``aff fetch``: published parameter files, downloaded or copied, and verified."""

from __future__ import annotations

import argparse
import shlex
from typing import Optional, Sequence

from ..models.weights import DEFAULT_ROOT, fetch, find_published, list_published
from ..utils.errors import InputError
from ..utils.report import interpreter
from .common.arguments import Parser, guarded, named

ALL = "all"


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Put published parameter files into a folder, each verified "
        "by its git blob SHA-1 before it gets its name. A download that broke off goes on where it "
        "was; files that are there are verified and left.",
    )
    parser.add_argument(
        "names", metavar="NAME", nargs="+", help=f"names of 'aff list published', or {ALL}"
    )
    parser.add_argument(
        "--root", type=named, default=DEFAULT_ROOT, help="folder that the files go to"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        type=named,
        default=None,
        help="take this file, which you have already, instead of downloading (one NAME)",
    )
    where.add_argument(
        "--mirror",
        metavar="URL",
        type=named,
        default=None,
        help="address that serves <commit>/<path> of the repository in place of "
        "raw.githubusercontent.com/YimianDai/open-aff; AFF_MIRROR names one too",
    )
    return parser


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    names = list_published() if options.names == [ALL] else list(dict.fromkeys(options.names))
    if options.source and len(names) > 1:
        raise InputError(f"--from gives one file, and {len(names)} are named")
    for record in [find_published(name) for name in names]:
        path = fetch(record.name, options.root, options.mirror, options.source)
        print(f"{path}: verified, git blob SHA-1 {record.sha1}", flush=True)
    if len(names) == 1:
        where = "" if options.root == DEFAULT_ROOT else f" --root {shlex.quote(options.root)}"
        print(f"evaluate it with: {interpreter()} -m aff evaluate {names[0]}{where}")
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff fetch") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
