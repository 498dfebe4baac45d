"""``aff tables``: the tables of the README and of the paper, with what is measured here."""

from __future__ import annotations

import argparse
import csv
import io
import os
import textwrap
from typing import Callable, Dict, List, Optional, Sequence

from ..models.weights import DEFAULT_ROOT
from ..paper.tables import BLOCKS, EACH_B, Table, experiment_table, paper_table, readme_table
from ..utils.errors import InputError
from .common.arguments import Parser, guarded, named
from .experiment import LOGS
from .list import columns

NAMES = ("imagenet", "cifar100", "table3", "table4", "table6", "experiment")


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Rebuild the published README's two tables and the paper's Tables 3, 4 and 6 "
        "(ResNet host): reported scores, those of the published files where they have been "
        "evaluated here, those of our own runs, parameters and FLOPs counted from the networks, "
        "and where the original is wrong or does not compare. 'experiment' is our own ablation.",
    )
    parser.add_argument(
        "--table", choices=NAMES, action="append", default=None, help="one of them; may be repeated"
    )
    parser.add_argument(
        "--format", choices=sorted(FORMATS), default="text", help="how they are written"
    )
    parser.add_argument(
        "--root",
        type=named,
        default=None,
        help=f"folder of the published parameters (default: {DEFAULT_ROOT})",
    )
    parser.add_argument(
        "--logs",
        type=named,
        default=None,
        help="folder of our runs' logs (default: logs), or of those of 'aff experiment --logs'",
    )
    return parser


def as_text(table: Table) -> str:
    """A table for a terminal."""
    notes = [
        "\n".join(textwrap.wrap(note, 110, initial_indent="* ", subsequent_indent="  "))
        for note in table.notes
    ]
    return "\n".join([table.title, columns(table.head, table.rows), *notes])


def as_markdown(table: Table) -> str:
    """A table for a README."""
    lines = [
        f"**{table.title}**",
        "",
        f"| {' | '.join(table.head)} |",
        "| --- " * len(table.head) + "|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in table.rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes)])


def as_csv(table: Table) -> str:
    """A table for programs: its title in each row, a column for each b; the notes are left out."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    several = [head.endswith(EACH_B) for head in table.head]
    head: List[str] = ["table"]
    for name, split in zip(table.head, several):
        stem = name[: -len(EACH_B)]
        head += [f"{stem}, b={b}" for b in BLOCKS] if split else [name]
    writer.writerow(head)
    for row in table.rows:
        cells = (cell.split() if split else [cell] for cell, split in zip(row, several))
        writer.writerow([table.title, *(text for texts in cells for text in texts)])
    return buffer.getvalue().rstrip("\n")


FORMATS: Dict[str, Callable[[Table], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "csv": as_csv,
}


def build(name: str, options: argparse.Namespace) -> Table:
    """The table of this name."""
    root, logs = options.root or DEFAULT_ROOT, options.logs or "logs"
    if name == "experiment":
        inside = os.path.join(logs, os.path.basename(LOGS))
        return experiment_table(inside if os.path.isdir(inside) else logs)
    if name in ("imagenet", "cifar100"):
        return readme_table(name, root, logs)
    return paper_table(name, root, logs)


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    for flag, folder in (("--root", options.root), ("--logs", options.logs)):
        if folder and not os.path.isdir(folder):
            raise InputError(f"{flag} {folder}: no such folder")
    texts: List[str] = [
        FORMATS[options.format](build(name, options)) for name in options.table or NAMES
    ]
    print("\n\n".join(texts))
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff tables") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
