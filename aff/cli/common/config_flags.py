"""The flags of the training scripts, made from the fields of `TrainConfig`."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ...data.datasets import list_datasets
from ...training.config import TrainConfig
from ...training.devices import parse_gpus
from ...training.setting import SWITCH, Setting, settings_of
from ...utils.errors import InputError
from ...utils.values import int_range
from .guard import flag
from .parser import Parser, Several
from .spellings import (
    ALIASES,
    FILES,
    METAVARS,
    SECOND,
    SECOND_MODELS,
    SEVERAL,
    WITHOUT_VALUE,
    spelling_at,
    spelling_of,
)


def add_config_arguments(parser: Parser, data: str) -> None:
    """Add the flags of all fields that the script for a kind of data set has; what is not given is
    left out of the result.
    """
    groups: Dict[str, Any] = {str(group.title): group for group in parser._action_groups}
    for field, item in settings_of(TrainConfig).items():
        if not item.group or data not in item.only:
            continue
        if item.group not in groups:
            groups[item.group] = parser.add_argument_group(item.group)
        add_field(groups[item.group], field, item, [data])
    add_config_file(groups["files"])
    groups["instead of a run"].add_argument(
        "--summary",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print layers, parameters and FLOPs of the network, and stop; needs no data and no "
        "GPU",
    )
    _add_aliases(parser.add_argument_group("as the other script spells it"), data)
    group = parser.add_argument_group("spellings of generation 2")
    for name, field, const in SECOND[data]:
        kind: Dict[str, Any] = {"type": int_range(1, 2000), "metavar": "DEPTH"}
        group.add_argument(
            name,
            dest=f"second_{field}",
            default=argparse.SUPPRESS,
            help=f"{flag(field)} as generation 2 spelled it: its defaults and networks are meant",
            **(kind if const is None else {"action": "store_const", "const": const}),
        )


def add_config_file(group: Any) -> None:
    """Add the flag of a file of settings."""
    group.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="start from the settings of a run, its settings.json (or its fields alone, as JSON or "
        "YAML); flags given beside it win",
    )


def _add_aliases(group: Any, data: str) -> None:
    """Add the other script's spellings; what they take is kept apart until `resolve_aliases`."""
    for name, field, const in ALIASES[data]:
        item = settings_of(TrainConfig)[field]
        options: Dict[str, Any] = {"action": "store_const", "const": const}
        help = f"the same as {flag(field)} {const}"
        if field == "gpus":
            options = {"type": int_range(0, 64), "metavar": "N"}
            help = "use the first N GPUs; 0: the CPU"
        elif field == "mixup":
            help = f"train without mixup, as without {flag(field)}"
        elif const is None and isinstance(item.kind, tuple):
            options = {"choices": list(item.kind)}
            help = f"{item.help} (default: {item.default(data)})"
        group.add_argument(
            name, dest=f"also_{field}", default=argparse.SUPPRESS, help=help, **options
        )


def resolve_aliases(given: Mapping[str, Any], data: str) -> Dict[str, Any]:
    """Return what was given by the fields' names, with the other script's spellings resolved.

    Raises
    ------
    InputError
        Where two spellings of a setting contradict each other.
    """
    result = {key: value for key, value in given.items() if not key.startswith("also_")}
    for name, field, _ in ALIASES[data]:
        if f"also_{field}" not in given:
            continue
        value = given[f"also_{field}"]
        if field == "gpus":
            value = ",".join(map(str, range(value)))
        if result.setdefault(field, value) != value:
            raise InputError(f"{name} contradicts {spelling_of(data)(field)}: give one of them")
    if data == "imagenet" and result.get("gpus") is not None:
        count = len(parse_gpus(result["gpus"]))
        if result.setdefault("num_gpus", count) != count:
            raise InputError("{num_gpus} contradicts {gpus}: give one of them")
    elif data == "imagenet" and "num_gpus" in result:
        result["gpus"] = None  # whatever a file of settings says
    return result


def second_spellings(given: Mapping[str, Any], data: str) -> List[str]:
    """Return what was given that only generation 2's scripts knew."""
    marks = [name for name, field, _ in SECOND[data] if f"second_{field}" in given]
    model = given.get("model")
    return marks + ([f"--model {model}"] if model in SECOND_MODELS[data] else [])


def why_generation(given: Mapping[str, Any], data: str) -> str:
    """Return why a generation was taken, in words; an empty text where nothing says one."""
    if "generation" in given:
        return "as --generation says"
    marks = second_spellings(given, data)
    return f"which alone knew {' and '.join(marks)}" if marks else ""


def resolve_generation(given: Mapping[str, Any], data: str) -> Dict[str, Any]:
    """Return what was given with the spellings of generation 2 resolved.

    ``--generation`` says the generation; else it is 2 where one of the spellings is used that only
    generation 2's scripts knew, and 1 where none is.

    Raises
    ------
    InputError
        Where one of them contradicts another spelling.
    """
    result = {key: value for key, value in given.items() if not key.startswith("second_")}
    for name, field, _ in SECOND[data]:
        if f"second_{field}" in given:
            value = given[f"second_{field}"]
            if result.setdefault(field, value) != value:
                raise InputError(f"{name} contradicts {spelling_of(data)(field)}: give one of them")
    if second_spellings(given, data):
        result.setdefault("generation", 2)
    return result


def add_field(group: Any, field: str, item: Setting, kinds: Sequence[str]) -> None:
    """Add the flag of a field, for commands that take these kinds of data sets, as the script for
    the first of them spells it; what is not given is left out of the result. Where there are
    several, the help tells their defaults, not those of generation 2.
    """
    spelled = spelling_at(field, kinds[0])
    usual = item.default(kinds[0])
    text = spelled.help or item.help
    if field == "dataset":
        text += f": {', '.join(name for data in kinds for name in list_datasets(data))}"
    options: Dict[str, Any] = {"dest": field, "default": argparse.SUPPRESS}
    if item.kind == SWITCH or spelled.const is not None:
        const = True if spelled.const is None else spelled.const
        options.update(action="store_const", const=const)
        shown: Optional[str] = str(usual) if const is True else None
    else:
        if isinstance(item.kind, tuple):
            options["choices"] = list(item.kind)
        else:
            options["type"] = item.kind
        if field in SEVERAL:
            options.update(nargs=len(SEVERAL[field]), type=str, action=Several, kind=item.kind)
        if field in WITHOUT_VALUE:
            options.update(nargs="?", const=WITHOUT_VALUE[field])
        shown = _shown(usual)
        metavar = SEVERAL.get(field) or METAVARS.get(field, "FILE" if field in FILES else None)
        if metavar:
            options["metavar"] = metavar
    text = text.replace("%", "%%")
    if len(kinds) == 1 and kinds[0] in item.second:
        second = f"generation 2: {_shown(item.default(kinds[0], 2))}"
        shown = second if shown is None else f"{shown}; {second}"
    for data in kinds[1:] if shown is not None else []:
        if item.default(data) != usual:
            shown = f"{shown}; {data}: {_shown(item.default(data))}"
    options["help"] = text if shown is None else f"{text} (default: {shown})"
    group.add_argument(*spelled.names, **options)


def _shown(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def given_fields(given: Mapping[str, Any]) -> Dict[str, Any]:
    """Return those of the parsed values that are fields of `TrainConfig`."""
    fields = settings_of(TrainConfig)
    return {key: value for key, value in given.items() if key in fields}
