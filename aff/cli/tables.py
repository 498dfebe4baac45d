"""``aff tables``: the tables of the README and of the paper, with what is measured here."""

from __future__ import annotations

import csv
import io
import os
from typing import Callable, Dict, List, Optional

from ..models.weights import DEFAULT_ROOT
from ..paper.experiment import EXPERIMENTS
from ..paper.experiment_table import experiment_table
from ..paper.reported import TABLES
from ..paper.tables import BLOCKS, EACH_B, Cell, Table, paper_table, readme_table
from ..utils.errors import InputError
from ..utils.screen import columns, fold, width
from ..utils.shipped import find_shipped
from ..utils.values import nonempty
from .common.parser import Parser
from .common.shared_flags import add_root_argument
from .experiment import LOGS

NAMES = (
    "imagenet",
    "cifar100",
    "imagenet2",
    "cifar100_2",
    "table3",
    "table4",
    "table3_inception",
    "table4_inception",
    "table3_fpn",
    "table4_fpn",
    "table6",
    *EXPERIMENTS,
)


GROUP, HELP = "reproduce", "the published tables, rebuilt: reported, counted, measured"
DESCRIPTION = (
    "Rebuild the tables of the two published READMEs and the paper's Tables 3, 4 and 6 "
    "(ResNet host; 3 and 4 also of the Inception and FPN hosts): reported scores, those of the "
    "published files where they have been evaluated here, those of our own runs, parameters "
    "and FLOPs counted from the networks, and where the original is wrong or does not "
    f"compare. Ablations of our own: {', '.join(EXPERIMENTS)}."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--table", choices=NAMES, action="append", default=None, help="one of them; may be repeated"
    )
    parser.add_argument(
        "--format", choices=sorted(FORMATS), default="text", help="how they are written"
    )
    add_root_argument(parser)
    parser.add_argument(
        "--logs",
        type=nonempty,
        default=None,
        help="folder of your runs' logs (default: logs), or of those of 'aff experiment --logs' "
        "(default: logs/NAME, or else our own, which come with aff)",
    )


def joined(cell: Cell) -> str:
    """Return a cell as one text."""
    return cell if isinstance(cell, str) else " ".join(cell)


def as_text(table: Table) -> str:
    """Return a table for a terminal."""
    room = min(width() or 110, 110)
    notes = [fold(f"* {note}", room, indent=2) for note in table.notes]
    rows = [[joined(cell) for cell in row] for row in table.rows]
    return "\n".join([fold(table.title, indent=0), columns(table.head, rows), *notes])


def as_markdown(table: Table) -> str:
    """Return a table for a README."""
    lines = [
        f"**{table.title}**",
        "",
        f"| {' | '.join(table.head)} |",
        "| --- " * len(table.head) + "|",
    ]
    lines += [f"| {' | '.join(map(joined, row))} |" for row in table.rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes)])


def as_csv(table: Table) -> str:
    """Return a table for programs: its title in each row, a column for each b; the notes are left
    out.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head: List[str] = ["table"]
    for name, cell in zip(table.head, table.rows[0]):
        stem = name[: -len(EACH_B)]
        head += [name] if isinstance(cell, str) else [f"{stem}, b={b}" for b in BLOCKS]
    writer.writerow(head)
    for row in table.rows:
        cells = ([cell] if isinstance(cell, str) else cell for cell in row)
        writer.writerow([table.title, *(text for texts in cells for text in texts)])
    return buffer.getvalue().rstrip("\n")


FORMATS: Dict[str, Callable[[Table], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "csv": as_csv,
}


def own_experiment(name: str, logs: Optional[str], programs: bool) -> Table:
    """Return the table of the experiment whose logs are in `logs`, or are that folder's; where none
    is named, in ``logs``, or else of the runs that come with the package.
    """
    experiment = EXPERIMENTS[name]
    inside = os.path.join(logs or LOGS, name)
    if logs or os.path.isdir(inside):
        where = inside if os.path.isdir(inside) else str(logs)
        return experiment_table(experiment, where, not programs)
    table = experiment_table(experiment, find_shipped(LOGS, name) or inside, not programs)
    table.notes.append(
        f"These are the runs that come with aff; 'aff experiment {name}' makes yours."
    )
    return table


def build(name: str, root: str, logs: Optional[str], programs: bool = False) -> Table:
    """Return the table of this name, for people, or for `programs`: the paper's accuracies as
    fractions, fusions by the names that they have in the code.
    """
    if name in EXPERIMENTS:
        return own_experiment(name, logs, programs)
    if "metric" in TABLES[name]:
        return readme_table(name, root, logs or "logs")
    return paper_table(name, root, logs or "logs", programs)


def run(table: Optional[List[str]], format: str, root: Optional[str], logs: Optional[str]) -> int:
    """Print the tables."""
    for flag, folder in (("--root", root), ("--logs", logs)):
        if folder and not os.path.isdir(folder):
            raise InputError(f"{flag} {folder}: no such folder")
    where = (root or DEFAULT_ROOT, logs)
    tables = [build(name, *where, programs=format == "csv") for name in table or NAMES]
    print("\n\n".join(map(FORMATS[format], tables)))
    return 0
