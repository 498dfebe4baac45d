"""``aff compare``: runs beside each other, the settings in which they differ and what came out."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..nn.fusion import fusion_title, list_fusions
from ..training.comparison import SCORES, RunSummary, Scored, differing, read_run
from ..utils.files import check_destination, replacing
from ..utils.report import printable
from ..utils.screen import columns
from ..utils.values import nonempty
from .common.parser import Parser

GROUP, HELP = "look", "runs beside each other: settings that differ, errors, time"
DESCRIPTION = (
    "Show runs beside each other: the settings in which they differ, how far they are, the errors "
    "of the best and the last epoch, time, images a second. Runs that have not ended are shown as "
    "far as they are. A table that is wider than the terminal has a column for each run."
)
#: Characters of a value that a table for people shows, the most.
LONGEST = 32
STANDARD_OUTPUT = "-"
#: Scores that a table for people shows.
SHOWN = {"top1_error": "error", "miou": "mIoU"}
Table = List[List[Any]]


def add_arguments(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="+",
        type=nonempty,
        help="a run's folder, of its parameters or of its logs",
    )
    parser.add_argument(
        "--csv",
        metavar="FILE",
        nargs="?",
        type=nonempty,
        const=STANDARD_OUTPUT,
        default=None,
        help="write a table for programs there instead, a .csv; on standard output where FILE is "
        "left out or -. Scores are fractions, times seconds",
    )


def called(runs: Sequence[RunSummary]) -> List[str]:
    """Return what to call runs: their folders' names, or, where two have one, the ways there."""
    paths = [os.path.normpath(run.folder) for run in runs]
    names = [os.path.basename(os.path.abspath(path)) for path in paths]
    counts = Counter(names)
    return [printable(name if counts[name] == 1 else path) for name, path in zip(names, paths)]


def _shown(name: str, value: Any) -> str:
    """Return a setting's value for people."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return printable(",".join(map(str, value)), LONGEST)
    known = name == "fusion" and value in list_fusions()
    return printable(fusion_title(value) if known else str(value), LONGEST)


def _printed(name: str) -> str:
    return printable(name, LONGEST)


def _extent(run: RunSummary) -> str:
    whole = run.state == "ended" and run.epochs == run.num_epochs
    return str(run.epochs) if whole else f"{run.epochs} of {run.num_epochs}, {run.state}"


def shown_scores(runs: Sequence[RunSummary]) -> List[Tuple[str, str]]:
    """Return names and parts of the scores that any of the runs has, of those that people see."""
    found = [
        (name, part)
        for run in runs
        for part in run.parts
        for name in SHOWN
        if run.last and run.last.at(name, part) is not None
    ]
    return list(dict.fromkeys(found))


def _percent(scored: Optional[Scored], name: str, part: str) -> str:
    value = scored.at(name, part) if scored else None
    return "-" if value is None else f"{100 * value:.2f} %"


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def for_people(runs: Sequence[RunSummary]) -> Table:
    """Return a table, its head first, a row for each run; scores in percent."""
    settings, scores = differing(runs), shown_scores(runs)
    kinds = {"": "best", "last ": "last", "average's ": "average"}
    if not any(run.average for run in runs):
        del kinds["average's "]
    head = ["run", *map(_printed, settings), "epochs", "best epoch"]
    head += [f"{kind}{printable(part)} {SHOWN[name]}" for kind in kinds for name, part in scores]
    rows = []
    for called_so, run in zip(called(runs), runs):
        row = [called_so, *(_shown(key, run.settings.get(key)) for key in settings), _extent(run)]
        row += [str(run.best.epoch) if run.best else "-"]
        row += [_percent(getattr(run, kind), *of) for kind in kinds.values() for of in scores]
        row += [_clock(run.seconds) if run.epochs else "-"]
        row += ["-" if run.images_per_sec is None else f"{run.images_per_sec:.0f}"]
        rows.append(row)
    return [[*head, "time", "images/s"], *rows]


def for_programs(runs: Sequence[RunSummary]) -> Table:
    """Return a table, its head first, a row for each run: errors as fractions, times in seconds,
    lists and what else is no text or number as JSON; empty where there is nothing.
    """
    settings = differing(runs)
    figures = [_figures(run) for run in runs]
    keys = list(dict.fromkeys(key for found in figures for key in found))
    head = ["run", *keys, *map(printable, settings)]
    return [
        head,
        *(
            [
                printable(run.folder),
                *(found.get(key) for key in keys),
                *(_plain(run.settings.get(key)) for key in settings),
            ]
            for run, found in zip(runs, figures)
        ),
    ]


def _figures(run: RunSummary) -> Dict[str, Any]:
    found: Dict[str, Any] = {
        "state": run.state,
        "epochs": run.epochs,
        "num_epochs": run.num_epochs,
        "seconds": round(run.seconds, 2),
        "images_per_sec": run.images_per_sec,
    }
    for kind, scored in (("best", run.best), ("last", run.last), ("average", run.average)):
        if scored:
            found[f"{kind}_epoch"] = scored.epoch
            values = {(part, name): scored.at(name, part) for part in run.parts for name in SCORES}
            found.update(
                {
                    f"{kind}_{printable(part)}_{name}": value
                    for (part, name), value in values.items()
                    if value is not None
                }
            )
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return value if value is None or isinstance(value, (int, float)) else json.dumps(value)


def as_text(table: Table) -> str:
    """Return a table for the terminal: a line for each run, or, where that is too wide, a column
    for each.
    """
    head, *rows = table
    lines = columns(head, rows)
    if "\n\n" not in lines:
        return lines
    first, *others = [list(line) for line in zip(*table)]
    return columns(["", *first[1:]], others)


def as_csv(table: Table) -> str:
    """Return a table as comma-separated values."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(table)
    return buffer.getvalue()


def run(runs: List[str], csv: Optional[str]) -> int:
    """Compare runs."""
    to_file = csv not in (None, STANDARD_OUTPUT)
    if to_file:
        check_destination(str(csv), ["csv"], "csv")
    found = [read_run(folder) for folder in runs]
    if csv is None:
        print(as_text(for_people(found)))
        return 0
    text = as_csv(for_programs(found))
    if not to_file:
        sys.stdout.write(text)
        return 0
    with replacing(str(csv)) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {csv}")
    return 0
