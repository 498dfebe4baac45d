"""``aff tables``: the tables of the README and of the paper, with what is measured here."""

from __future__ import annotations

import argparse
import csv
import io
import os
import textwrap
from typing import Callable, Dict, List, Optional, Sequence

from ..published import DEFAULT_ROOT
from ..tables import Table, experiment_table, paper_table, readme_table
from .arguments import Parser, guarded, named
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
        "--root", type=named, default=DEFAULT_ROOT, help="folder of the published parameters"
    )
    parser.add_argument("--logs", type=named, default="logs", help="folder of our runs' logs")
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
    """A table for programs; the notes are left out."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.head)
    writer.writerows(table.rows)
    return buffer.getvalue().rstrip("\n")


FORMATS: Dict[str, Callable[[Table], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "csv": as_csv,
}


def build(name: str, options: argparse.Namespace) -> Table:
    """The table of this name."""
    if name == "experiment":
        return experiment_table(os.path.join(options.logs, os.path.basename(LOGS)))
    if name in ("imagenet", "cifar100"):
        return readme_table(name, options.root, options.logs)
    return paper_table(name, options.root, options.logs)


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    texts: List[str] = [
        FORMATS[options.format](build(name, options)) for name in options.table or NAMES
    ]
    print("\n\n".join(texts))
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff tables") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
