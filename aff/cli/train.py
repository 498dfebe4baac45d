"""``aff train``: a published run, by its name."""

from __future__ import annotations

import shlex
import sys
from typing import Any, Dict, List, Sequence, Set

from ..paper.recipes import find_recipe
from ..utils.errors import InputError
from ..utils.values import nonempty
from .common.parser import Parser
from .common.training import SCRIPTS, call_of
from .main import build_parser, run_command
from .recipes import went_on_from

GROUP, HELP = "reproduce", "train a published run by its name"
DESCRIPTION = (
    "Train a published run (a name of 'aff recipes') with the settings that its "
    "log says. Flags that are not of this command go to the training script, in the place of "
    "the recipe's of the same setting: 'aff train aff_resnet50 --num-gpus 4 --batch-size 60'."
)
#: What it does not know itself, `--import` too, is for the training script.
HANDS_ON = True
#: Fields that are one setting, what a run computes on.
DEVICES = ("gpus", "num_gpus", "cpus")


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument("name", metavar="NAME", type=nonempty, help="a run")
    parser.add_argument(
        "--as-published",
        action="store_true",
        help="the command of the authors' README, where the log says otherwise",
    )
    parser.add_argument(
        "--print", action="store_true", dest="only_print", help="print the command, run nothing"
    )


def parse(parser: Parser, argv: Sequence[str]) -> Dict[str, Any]:
    """Parse the command's own flags; the others are handed on to the training script."""
    if not argv or argv[0].startswith("-") and argv[0] not in ("-h", "--help"):
        start = f"{argv[0]}: " if argv else ""
        own = " or ".join(f"aff {command}" for command in _commands_with(argv[:1]))
        parser.error(
            f"{start}give the NAME of the run first, one of 'aff recipes', then flags; a run with "
            f"settings of your own: {own}"
        )
    given, more = parser.parse_known_args(argv)
    return {**vars(given), "more": [flag for flag in more if flag != "--"]}


def _commands_with(flags: Sequence[str]) -> List[str]:
    """Return the training commands that have these flags; all, where none has."""
    commands = [
        command
        for command in SCRIPTS.values()
        if {*flags} <= {*build_parser(command)._option_string_actions}
    ]
    return commands or [*SCRIPTS.values()]


def _settings_named(parser: Parser, words: Sequence[str]) -> Set[str]:
    """Return the settings that words of a command are flags of, whoever's spellings they are."""
    actions = parser._option_string_actions
    found = (actions[word] for word in (text.split("=")[0] for text in words) if word in actions)
    fields = {action.dest.replace("also_", "").replace("second_", "") for action in found}
    return {"devices" if field in DEVICES else field for field in fields}


def replaced(text: str, more: Sequence[str]) -> List[str]:
    """Return the words of a training command with `more` flags in the place of its own of the same
    settings.
    """
    script, *words = shlex.split(text)
    parser = build_parser(SCRIPTS[script])
    taken, kept, keeps = _settings_named(parser, more), [script], True
    for word in words:
        settings = _settings_named(parser, [word])
        keeps = not settings & taken if settings else keeps  # a value goes with its flag
        kept += [word] if keeps else []
    return [*kept, *more]


def command(name: str, as_published: bool, more: Sequence[str]) -> str:
    """Return the command to run.

    Raises
    ------
    InputError
        For an unknown run, or one whose command was not published.
    """
    record = find_recipe(name).record
    if as_published and not record.published:
        raise InputError(
            f"the command of {record.name} was not published: leave --as-published out"
        )
    chosen = str(record.published if as_published else record.command)
    return shlex.join(replaced(chosen, more)) if more else chosen


def run(name: str, as_published: bool, only_print: bool, more: Sequence[str]) -> int:
    """Train a published run."""
    text = command(name, as_published, more)
    script, *flags = shlex.split(text)
    training = SCRIPTS[script]
    call = call_of(text)
    prog = script if call.startswith("python ") else f"aff {training}"
    given = build_parser(training, prog).parse_args(flags)  # ends here for unknown flags
    record = find_recipe(name).record
    if record.continued and not getattr(given, "resume_params", None):
        print(f"aff train: the published run went on from {went_on_from(record)}", file=sys.stderr)
    print(call, flush=True)
    return 0 if only_print else run_command(training, flags, prog)
