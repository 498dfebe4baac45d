"""The console script ``aff``, and the training scripts: one dispatcher for all commands.

A command is one file of this folder: `DESCRIPTION`, ``add_arguments(parser)`` and ``run(...)``,
which is given what was parsed by name and returns the exit code.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from types import ModuleType
from typing import Dict, Optional, Sequence

from .. import compat
from ..distributed import process
from ..utils.errors import InputError
from .common.guard import flag, guarded
from .common.parser import Parser, one_line

#: What one wants, and the commands that do it.
GROUPS: Dict[str, Dict[str, str]] = {
    "train": {
        "train-cifar": "train a CIFAR-style network (the script train_cifar.py)",
        "train-imagenet": "train an ImageNet network (the script train_imagenet.py)",
        "launch": "start a training script in several processes or on several machines",
    },
    "evaluate": {
        "evaluate": "top-1 and top-5 error of a run's parameters, or of published ones",
        "fetch": "download and verify published parameters",
    },
    "reproduce": {
        "recipes": "the published runs: commands, scores, what their logs say",
        "train": "train a published run by its name",
        "tables": "the published tables, rebuilt: reported, counted, measured",
        "experiment": "the paper's ablation on Fashion-MNIST, a grid of runs",
    },
    "look": {
        "list": "networks, fusions and published parameters",
        "summary": "layers, parameters and multiply-adds of a network",
        "plot": "training curves of runs, over the published ones",
        "cam": "pictures of where networks look, and what their fusions prefer",
    },
    "data": {"prepare": ".rec files from folders of images"},
    "speed": {
        "bench": "how fast networks train and infer here, and whether the loaders keep up",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}


def load_command(name: str) -> ModuleType:
    """The module of a command."""
    return importlib.import_module(f".{name.replace('-', '_')}", __package__)


def build_parser(name: str, prog: Optional[str] = None) -> Parser:
    """The parser of a command, under the name that its messages start with."""
    module = load_command(name)
    parser = Parser(
        prog=prog or f"aff {name}",
        description=module.DESCRIPTION,
        epilog=getattr(module, "EPILOG", None),
    )
    module.add_arguments(parser)
    if {"--fusion", "--fusions"} & set(parser._option_string_actions):
        parser.add_argument(
            "--import",
            dest="imports",
            metavar="MODULE",
            action="append",
            default=[],
            help="Python module to import first, also of the current folder; what it registers "
            "(aff.register_fusion) can be named then; may be given again",
        )
    return parser


def import_extensions(names: Sequence[str]) -> None:
    """Import modules of the user's, as Python finds them from the current folder.

    Raises
    ------
    InputError
        For one that cannot be imported.
    """
    if names and "" not in sys.path:
        sys.path.insert(0, "")
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a user's module may raise
            raise InputError(f"--import {name}: {type(error).__name__}: {error}") from error


def run_command(name: str, argv: Sequence[str], prog: Optional[str] = None) -> int:
    """Run a command with its arguments; returns the exit code."""
    prog = prog or f"aff {name}"

    try:
        process.join_job()  # before mxnet is imported, from where a job's servers never come back
        compat.import_mxnet()
    except (ImportError, InputError) as error:
        print(f"{prog}: error: {one_line(error)}", file=sys.stderr)
        return 2
    module = load_command(name)
    parser = build_parser(name, prog)
    parse = getattr(module, "parse", None)  # of a command that hands arguments on
    given = parse(parser, argv) if parse else vars(parser.parse_args(argv))
    if getattr(module, "KEEPS_COMMAND", False):
        given["command"] = f"{prog} {shlex.join(argv)}"
    imports = given.pop("imports", [])

    def run() -> int:
        import_extensions(imports)
        return module.run(**given)

    return guarded(prog, run, getattr(module, "spelling", flag))


def run_script(name: str) -> int:
    """Run a command as the script that this process was started as; returns the exit code."""
    return run_command(name, sys.argv[1:], os.path.basename(sys.argv[0]))


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run ``aff COMMAND ...``; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: aff COMMAND ...")
        for title, commands in GROUPS.items():
            print(f"\n{title}:")
            for name, text in commands.items():
                print(f"  {name:<14} {text}")
        print("\n'aff COMMAND --help' says what a command takes.")
        return 0
    if argv[0] not in COMMANDS:
        print(
            f"aff: error: unknown command {argv[0]!r}: valid: {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        return 2
    return run_command(argv[0], argv[1:])
