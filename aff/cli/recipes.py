"""``aff recipes``: the published runs, what they reported and what they need."""

from __future__ import annotations

import textwrap
from typing import List, Optional

from ..models.weights import WeightsRecord
from ..paper.recipes import RECIPES, Recipe, find_recipe
from ..paper.reported import rows_of
from ..utils.values import nonempty
from .common.parser import Parser
from .list import columns

GROUP, HELP = "reproduce", "the published runs: commands, scores, what their logs say"
DESCRIPTION = (
    "List the published runs, or describe one: its command, what its log says "
    "otherwise, and what came out. 'aff train NAME' runs it."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", type=nonempty, default=None, help="a run"
    )


def reported(recipe: Recipe) -> str:
    """Return the published score as text."""
    return f"{100 * recipe.record.top1_error:.2f} %"


def data_of(recipe: Recipe) -> str:
    """Return the data set, with its labels where there are several."""
    record = recipe.record
    return f"{record.dataset}, {record.label_set} labels" if record.label_set else record.dataset


def places_of(recipe: Recipe) -> List[str]:
    """Return the rows of published tables that it stands in."""
    return [
        f"{title}: {row['name']}" + (f", {row['parameters']}" if "parameters" in row else "")
        for title, row in rows_of(recipe.name)
    ] or ["no published table"]


def parameters_of(record: WeightsRecord) -> str:
    """Return where its parameters are."""
    where = "of this repository" if record.ours else f"in YimianDai/open-aff {record.commit[:7]}"
    return f"{record.filename}, {where}"


def table() -> str:
    """Return all runs, a line each."""
    rows = [
        [
            recipe.name,
            recipe.record.generation or "ours",
            data_of(recipe),
            reported(recipe),
            "yes" if recipe.record.published else "no",
        ]
        for recipe in RECIPES.values()
    ]
    return columns(["run", "generation", "data", "top-1 error", "command published"], rows)


def describe(recipe: Recipe) -> str:
    """Return a run in full."""
    record = recipe.record
    facts = [
        ("data", data_of(recipe)),
        ("reported", f"top-1 error {reported(recipe)}"),
        ("network", f"{record.model} with {record.kwargs['fusion']}"),
        ("parameters", parameters_of(record)),
        ("its log", record.log or "was not published"),
        *(("stands in", place) for place in places_of(recipe)),
        ("published", f"python {record.published}" if record.published else "no command"),
        *([("really run", record.really)] if record.really else []),
        ("assumed", record.unsaid or "nothing"),
        ("runs it", f"python {recipe.command}"),
    ]
    lines: List[str] = [recipe.name]
    for label, text in facts:
        wrapped = [text] if "python " in text else textwrap.wrap(text, 84, break_on_hyphens=False)
        lines += [f"  {label if not i else '':<13} {line}" for i, line in enumerate(wrapped)]
    return "\n".join(lines)


def run(name: Optional[str]) -> int:
    """List the published runs, or describe one."""
    print(describe(find_recipe(name)) if name else table())
    return 0
