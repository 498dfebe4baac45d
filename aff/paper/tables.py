"""The paper's and the published README's tables, rebuilt: what was reported, beside what our
networks measure and our runs reached.

Reported values are read from the one file of all that was published; parameters and FLOPs
from the networks; scores from evaluations and logs. Nothing of that is typed in here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional, Union

from ..models.registry import models_of
from ..models.summary import Cost, measured
from ..models.weights import DEFAULT_ROOT
from .recipes import RECIPES
from .reported import PAPER_NOTES, TABLES
from .scores import evaluated, own_runs

BLOCKS = (1, 2, 3, 4)
#: Ends the head of a column with a value for each of them.
EACH_B = f", b={BLOCKS[0]} to {BLOCKS[-1]}"
#: Data and labels of the paper's ablation.
ABLATION = ("cifar100", "coarse")


#: A cell's text, or its texts, one for each of `BLOCKS`.
Cell = Union[str, List[str]]


@dataclass
class Table:
    """A table: title, heads of the columns, rows of cells, and notes."""

    title: str
    head: List[str]
    rows: List[List[Cell]] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)


def readme_table(name: str, root: str = DEFAULT_ROOT, logs: str = "logs") -> Table:
    """Build a table of the two published READMEs: ``'imagenet'`` or ``'cifar100'``, or, of the
    second, ``'imagenet2'`` or ``'cifar100_2'``.
    """
    said = TABLES[name]
    shown = _as_error if said["metric"] == "top1_error" else _as_accuracy
    head = ["network", "reported", "of the file", "file, here", "our run", "parameters said"]
    table = Table(said["title"], [*head, "parameters", "trainable", "GFLOPs"])
    runs = own_runs(logs)
    for row in said["rows"]:
        cells = [row["name"], _as_percent(row["reported"])]  # the source's digits
        recipe = RECIPES.get(row.get("recipe", ""))
        if recipe is None:
            table.rows.append([*cells, "", "", "", row["parameters"], "", "", ""])
            continue
        record = recipe.record
        cost = measured(record.model, record.kwargs)
        network = (record.model, record.kwargs, record.dataset, record.label_set)
        ours = [run.top1_error for run in runs if run.is_of(*network)]
        table.rows.append(
            [
                *cells,
                shown(record.top1_error),
                _or_dash(evaluated(record, root), shown),
                _or_dash(min(ours, default=None), shown),
                row["parameters"],
                *_costs(cost),
            ]
        )
        for note in (record.really, row.get("note")):
            if note:
                table.notes.append(f"{row['name']}: {note}.")
    table.notes += said["notes"]
    return table


def paper_table(
    name: str, root: str = DEFAULT_ROOT, logs: str = "logs", fractions: bool = False
) -> Table:
    """Build a table of the paper, ``'table3'``, ``'table4'`` (and each with ``_inception`` and
    ``_fpn``) or ``'table6'``; scores are in percent, or, for programs, `fractions`.
    """
    said = TABLES[name]
    shown = _as_accuracy_fraction if fractions else _as_accuracy
    reported = "{:.3f}".format if fractions else _as_percent  # the source's digits
    imagenet = any("imagenet" in row for row in said["rows"])
    on_cifar, classes = "classes" not in said, said.get("classes", 100)
    head = ["fusion", *(f"b={b}" for b in BLOCKS)]
    head += [f"our runs{EACH_B}"] if on_cifar else []
    head += ["ImageNet", "of the file", "file, here"] if imagenet else []
    title = said["title"] if fractions else f"{said['title']}, in percent"
    table = Table(title, [*head, f"parameters (M){EACH_B}", f"MFLOPs{EACH_B}"])
    runs = own_runs(logs)
    models = models_of(said.get("host", "cifar_resnet{}_askc"), BLOCKS)
    for row in said["rows"]:
        ratio = {"r": row["r"]} if "r" in row else {}
        kwargs = {"fusion": row["fusion"], "classes": classes, **ratio}
        costs = [measured(model, kwargs) for model in models]
        ours = [
            min((r.top1_error for r in runs if r.is_of(m, kwargs, *ABLATION)), default=None)
            for m in models
        ]
        cells: List[Cell] = [
            f"{row['name']}",
            *(_or_dash(value, reported) for value in row["reported"]),
        ]
        if on_cifar:
            cells.append([_or_dash(error, shown) for error in ours])
        if imagenet:
            record = RECIPES[row["recipe"]].record
            cells += [reported(row["imagenet"]), shown(record.top1_error)]
            cells.append(_or_dash(evaluated(record, root), shown))
        table.rows.append(
            [
                *cells,
                [f"{cost.parameters / 1e6:.3f}" for cost in costs],
                [f"{cost.multiply_adds / 1e6:.1f}" for cost in costs],
            ]
        )
    table.notes += [*said.get("notes", []), *(PAPER_NOTES if on_cifar else [])]
    return table


def _costs(cost: Cost) -> List[str]:
    return [
        f"{cost.parameters / 1e6:.2f}M",
        f"{cost.trainable / 1e6:.2f}M",
        f"{cost.multiply_adds / 1e9:.2f}",
    ]


def _as_error(error: float) -> str:
    return f"{100 * error:.2f}"


def _as_percent(reported: float) -> str:
    whole = f"{100 * reported:.2f}"
    return whole[:-1] if whole.endswith("0") else whole


def _as_accuracy_fraction(error: float) -> str:
    return f"{1 - error:.4f}"


def _as_accuracy(error: float) -> str:
    return f"{100 * (1 - error):.2f}"


def _or_dash(value: Optional[float], shown) -> str:
    return "-" if value is None else shown(value)
