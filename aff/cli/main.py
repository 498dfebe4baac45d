"""The console script ``aff``, and the training scripts: one dispatcher for all commands.

A command is one file of this folder: `GROUP` and `HELP` (for ``aff --help``), `DESCRIPTION`,
``add_arguments(parser)`` and ``run(...)``, which is given what was parsed, by name, and returns the
exit code.
"""

from __future__ import annotations

import ast
import importlib
import os
import platform
import shlex
import sys
import warnings
from importlib import metadata
from types import ModuleType
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .. import __version__, compat
from ..distributed import process
from ..utils.errors import InputError, RunError, unknown
from ..utils.opening import MB, read_text
from ..utils.output import open_streams
from .common.guard import flag, guarded
from .common.parser import Parser, one_line

FOLDER = os.path.dirname(os.path.abspath(__file__))
#: What one wants, in the order of the help.
WANTS = ("train", "evaluate", "reproduce", "look", "export", "data", "speed", "shell")


def _told(path: str) -> Tuple[str, str]:
    """Return a command's `GROUP` and `HELP`, read without importing it (and mxnet with it)."""
    for node in ast.parse(read_text(path, MB)).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [getattr(name, "id", "") for name in node.targets[0].elts]
            if names == ["GROUP", "HELP"]:
                group, text = ast.literal_eval(node.value)
                return group, text
    return "", ""


def list_commands() -> Dict[str, Tuple[str, str]]:
    """Return group and help of every command, by name: the files of this folder that have them."""
    files = {name[:-3]: os.path.join(FOLDER, name) for name in sorted(os.listdir(FOLDER))}
    told = {
        name.replace("_", "-"): _told(path) for name, path in files.items() if path[-3:] == ".py"
    }
    return {name: found for name, found in told.items() if found[0]}


def load_command(name: str) -> ModuleType:
    """Return the module of a command."""
    return importlib.import_module(f".{name.replace('-', '_')}", __package__)


def build_parser(name: str, prog: Optional[str] = None) -> Parser:
    """Return the parser of a command, under the name that its messages start with."""
    module = load_command(name)
    parser = Parser(
        prog=prog or f"aff {name}",
        description=module.DESCRIPTION,
        epilog=getattr(module, "EPILOG", None),
    )
    module.add_arguments(parser)
    named = {"--fusion", "--fusions", "--dataset"} & set(parser._option_string_actions)
    if named or getattr(module, "LOADS", False):  # or a run of such a network
        _add_import(parser)
    return parser


def _add_import(parser: Parser) -> None:
    parser.add_argument(
        "--import",
        dest="imports",
        metavar="MODULE",
        action="append",
        default=None,
        help="Python module to import first, also of the current folder; what it registers (a "
        "fusion, a data set, a family of networks) can be named then; may be given again",
    )


def _named_extensions(argv: Sequence[str], prog: str) -> List[str]:
    early = Parser(prog=prog, add_help=False)
    _add_import(early)
    return early.parse_known_args(argv)[0].imports or []


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
    # Pillow's bound is below that of `aff.data.image_file`
    warnings.filterwarnings("ignore", ".* could be decompression bomb")

    try:
        process.join_job()  # before mxnet is imported, from where a job's servers never come back
        compat.import_mxnet()
        compat.import_cv2()
    except (ImportError, InputError, RunError) as error:
        print(f"{prog}: error: {one_line(error)}", file=sys.stderr)
        return 1 if isinstance(error, RunError) else 2
    module = load_command(name)
    parse = getattr(module, "parse", None)
    try:  # what is registered counts when the others are parsed
        if (
            getattr(module, "HANDS_ON", False)
            or "--import" in build_parser(name, prog)._option_string_actions
        ):
            import_extensions(_named_extensions(argv, prog))
    except InputError as error:
        print(f"{prog}: error: {one_line(error)}", file=sys.stderr)
        return 2
    parser = build_parser(name, prog)
    given = parse(parser, argv) if parse else vars(parser.parse_args(argv))
    imports = given.pop("imports", None) or []
    if getattr(module, "KEEPS_COMMAND", False):
        given["imports"] = imports
        given["command"] = f"{prog} {shlex.join(argv)}"
    return guarded(prog, lambda: module.run(**given), getattr(module, "spelling", flag))


def run_script(name: str) -> int:
    """Run a command as the script that this process was started as; returns the exit code."""
    open_streams()
    prog = os.path.basename(sys.argv[0])
    return interruptible(prog, lambda: run_command(name, sys.argv[1:], prog))


def interruptible(prog: str, run: Callable[[], int]) -> int:
    """Run what Ctrl-C may end before the command has begun, as while mxnet is imported."""
    try:
        return run()
    except KeyboardInterrupt:
        print(f"{prog}: error: interrupted", file=sys.stderr)
        return 130


def print_help() -> int:
    """Print the commands, by what one wants."""
    print("usage: aff COMMAND ...\n       aff help [COMMAND]\n       aff --version")
    for want in WANTS:
        print(f"\n{want}:")
        for name, (group, text) in list_commands().items():
            if group == want:
                print(f"  {name:<14} {text}")
    print("\n'aff COMMAND --help' says what a command takes.")
    return 0


def print_version() -> int:
    """Print the versions of this package and of what it stands on, without importing mxnet."""
    names = [name for name in ("mxnet", "mxnet-cu112", "numpy") if compat.installed(name)]
    versions = [f"{name} {metadata.version(name)}" for name in names]
    print(f"aff {__version__}, {', '.join(versions)}, Python {platform.python_version()}")
    return 0


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run ``aff COMMAND ...``; returns the exit code."""
    open_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    return interruptible(" ".join(["aff", *words[:1]]), lambda: _dispatch(words))


def _dispatch(argv: List[str]) -> int:
    if argv[:1] == ["help"]:
        argv = [word for word in [*argv[1:2], "--help"] if word != "help"]
    if not argv or argv[0] in ("-h", "--help"):
        return guarded("aff", print_help)
    if argv[0] == "--version":
        return guarded("aff", print_version)
    commands = list_commands()
    if argv[0] in commands:
        return run_command(argv[0], argv[1:])
    if argv[0].startswith("-"):
        message = f"{argv[0]}: a COMMAND comes first, one of 'aff help'"
    else:
        message = str(unknown("command", argv[0], [*commands, "help"]))
    print(f"aff: error: {message}", file=sys.stderr)
    return 2
