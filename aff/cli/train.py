"""``aff train``: a published run, by its name."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import Optional, Sequence

from ..paper.recipes import CIFAR, find_recipe
from ..utils.errors import InputError
from . import train_cifar, train_imagenet
from .common.arguments import Parser, guarded, named


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Train a published run (a name of 'aff recipes') with the settings that its "
        "log says. Flags that are not of this command go to the training script, behind the "
        "recipe's, and take their place: 'aff train aff_resnet50 --num-gpus 4 --batch-size 60'.",
    )
    parser.add_argument("name", metavar="NAME", type=named, help="a run")
    parser.add_argument(
        "--as-published",
        action="store_true",
        help="the command of the authors' README, where the log says otherwise",
    )
    parser.add_argument(
        "--print", action="store_true", dest="only_print", help="print the command, run nothing"
    )
    return parser


def command(options: argparse.Namespace, more: Sequence[str]) -> str:
    """The command to run.

    Raises
    ------
    InputError
        For an unknown run, or one whose command was not published.
    """
    recipe = find_recipe(options.name)
    if options.as_published and not recipe.published:
        raise InputError(
            f"the command of {recipe.name} was not published: leave --as-published out"
        )
    chosen = recipe.published if options.as_published else recipe.command
    return " ".join([str(chosen), *map(shlex.quote, more)])


def run(options: argparse.Namespace, more: Sequence[str]) -> int:
    """Do what the flags say."""
    text = command(options, more)
    script, *flags = shlex.split(text)
    module = train_cifar if script == CIFAR else train_imagenet
    module.build_parser(script).parse_args(flags)  # which ends here for flags that it does not have
    print(f"python {text}", flush=True)
    return 0 if options.only_print else module.main(flags, prog=script)


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff train") -> int:
    """Run the command; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(prog)
    if argv and argv[0].startswith("-") and argv[0] not in ("-h", "--help"):
        parser.error(f"{argv[0]}: give the NAME of the run first, then flags")
    options, more = parser.parse_known_args(argv)
    return guarded(prog, lambda: run(options, [flag for flag in more if flag != "--"]))
