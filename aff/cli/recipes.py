"""``aff recipes``: the published runs, what they reported and what they need."""

from __future__ import annotations

import shlex
from json import dumps
from typing import Any, Dict, List, Optional

from ..models.records import WeightsRecord
from ..models.registry import full_arguments
from ..nn.fusion import fusion_names
from ..paper.recipes import RECIPES, Recipe, find_recipe
from ..paper.reported import rows_of
from ..training.devices import parse_gpus
from ..utils.screen import columns, fold, fold_command, width
from ..utils.values import nonempty
from .common.parser import Parser
from .common.training import SCRIPTS, call_of, configure
from .list import data_label
from .main import build_parser

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
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the settings of the run NAME, or of all runs by name, as TrainConfig resolves "
        "them, and global_batch_size, the images of a batch over all devices",
    )


def resolve(command: str) -> Dict[str, Any]:
    """Return the settings of a training command, by the names of `TrainConfig`."""
    script, *flags = shlex.split(command)
    given = vars(build_parser(SCRIPTS[script], script).parse_args(flags))
    data = "cifar" if script == "train_cifar.py" else "imagenet"
    config = configure(data, {**given, "command": command})
    devices = config.num_gpus if data == "imagenet" else len(parse_gpus(config.gpus or "0"))
    return {"global_batch_size": config.batch_size * max(1, devices), **config.as_dict()}


#: Settings that say where and how fast a run goes, not what it computes.
APART = {
    *("command", "save_dir", "logging_dir", "logging_file", "num_workers", "save_period", "gpus"),
    *("num_gpus", "batch_size", "rec_train", "rec_train_idx", "rec_val", "rec_val_idx"),
    *("generation", "log_interval"),
}


def _whole_network(settings: Dict[str, Any]) -> Dict[str, Any]:
    """Return settings whose network has all its arguments, as usual where they are not given."""
    kwargs = full_arguments(settings["model"], settings["model_kwargs"])
    return {**settings, "model_kwargs": kwargs}


def differences(record: WeightsRecord) -> List[str]:
    """Return what the published command says otherwise than the run's settings, a phrase each."""
    if not record.published:
        return []
    said, was = (_whole_network(resolve(text)) for text in (record.published, record.command))
    return [
        f"{key} {said[key]}, not {was[key]}"
        for key in said
        if key not in APART and said[key] != was[key]
    ]


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


def went_on_from(record: WeightsRecord) -> str:
    """Return which parameters a run went on from, of which run they are, and how to go on alike."""
    continued = record.continued or {}
    run = f"of {continued['run']}" if continued["run"] else "of a run without a log"
    epoch = f" --resume-epoch {continued['epoch']}" if continued["epoch"] else ""
    return (
        f"{continued['file']}, {run}, not published: give --resume-params FILE{epoch}; without it "
        "the run starts at epoch 0, from random parameters"
    )


def parameters_of(record: WeightsRecord) -> str:
    """Return where its parameters are."""
    if not record.sha1:
        return "not published"
    where = "of this repository" if record.ours else f"in YimianDai/open-aff {record.commit[:7]}"
    return f"{record.filename}, {where}"


def course_of(record: WeightsRecord) -> List[str]:
    """Return what the published log says of the run's course: epochs, hours, errors."""
    if not record.log_facts:
        return []
    facts, settings = record.log_facts, resolve(record.command)
    devices = settings["global_batch_size"] // settings["batch_size"]
    best, last = (f"{100 * facts[f'{which}_top1_error']:.2f} %" for which in ("best", "last"))
    return [
        f"epochs {facts['first_epoch']} to {facts['last_epoch']} in {facts['hours']:.1f} hours on "
        f"{devices} GPU{'s' if devices > 1 else ''} (of which kind, is not known)",
        f"top-1 error {best} at its best, epoch {facts['best_epoch']}; {last} in the last",
    ]


def table() -> str:
    """Return all runs, a line each."""
    rows = [
        [
            recipe.name,
            data_label(recipe.record),
            f"{100 * recipe.record.top1_error:.2f}",
            recipe.record.generation or "ours",
            "yes" if recipe.record.published else "no",
        ]
        for recipe in RECIPES.values()
    ]
    return columns(["run", "data", "top-1 error %", "gen.", "command published"], rows)


#: Facts that are commands, to be copied.
WHOLE = ("published", "runs it")


def describe(recipe: Recipe) -> str:
    """Return a run in full."""
    record = recipe.record
    facts = [
        ("data", data_of(recipe)),
        ("reported", f"top-1 error {reported(recipe)}"),
        ("network", f"{record.model} with {fusion_names(record.kwargs['fusion'])}"),
        ("parameters", parameters_of(record)),
        ("its log", record.log or "was not published"),
        *(("which says", text) for text in course_of(record)),
        *(("stands in", place) for place in places_of(recipe)),
        ("published", f"python {record.published}" if record.published else "no command"),
        *(("which says", text) for text in differences(record)),
        *([("really run", record.really)] if record.really else []),
        *([("went on from", went_on_from(record))] if record.continued else []),
        ("runs it", call_of(recipe.command)),
    ]
    room, lines = min(width() or 100, 100), [recipe.name]
    for label, text in facts:
        head = f"  {label:<13} "
        if label in WHOLE:
            lines.append(head + fold_command(text, indent=len(head)))
        else:
            lines.append(fold(head + text, room, indent=len(head)))
    return "\n".join(lines)


def run(name: Optional[str], json: bool) -> int:
    """List the published runs, or describe one."""
    if json:
        if name:
            print(dumps(resolve(find_recipe(name).command), indent=1))
        else:
            print(dumps({key: resolve(each.command) for key, each in RECIPES.items()}, indent=1))
        return 0
    print(describe(find_recipe(name)) if name else table())
    return 0
