"""Parsers of the commands: no abbreviations, defaults shown, an error in one line."""

from __future__ import annotations

import argparse
import difflib
from typing import Any, Callable, Dict, Iterable, NoReturn, Optional, Sequence

from ...utils.errors import InputError
from ...utils.output import drop, flush_output
from ...utils.report import printable

#: What others call what the flags are for.
SYNONYMS = {"--learning-rate": "--lr", "--weight-decay": "--wd"}
LONGEST_LINE = 2000
#: How alike a misspelt flag and one that there is have to be, from 0 to 1.
LIKENESS = 0.7


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds a default to a flag's help where there is one."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations, shows defaults, reports an error in one line,
    and says what a kind of value (:mod:`aff.utils.values`) has to say of one.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, formatter_class=_Formatter, **kwargs)

    def parse_args(self, args=None, namespace=None):  # type: ignore[override]
        """Parse, or end in an error that names the flag that may have been meant."""
        return self._all_known(*self.parse_known_args(args, namespace))

    def parse_intermixed_args(self, args=None, namespace=None):  # type: ignore[override]
        """Parse arguments among which paths stand before and after flags, as `parse_args` does."""
        return self._all_known(*self.parse_known_intermixed_args(args, namespace))

    def _all_known(self, given: Any, more: Sequence[str]) -> Any:
        if more:
            meant = (closest_flag(word, self._option_string_actions) for word in more)
            hint = next((f": did you mean {flag}?" for flag in meant if flag), "")
            self.error(f"unrecognized arguments: {' '.join(more)}{hint}")
        return given

    def exit(self, status: int = 0, message: Optional[str] = None) -> NoReturn:
        try:
            flush_output()
        except BrokenPipeError:
            drop()
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see --help)\n")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        kind = self._registry_get("type", action.type, action.type)
        try:
            return kind(arg_string)
        except InputError as error:
            raise argparse.ArgumentError(action, error.message) from error
        except (TypeError, ValueError):
            return super()._get_value(action, arg_string)


class Several(argparse.Action):
    """Gives several values to a kind that takes them separated by commas."""

    def __init__(self, *args, kind: Callable[[str], Any], **options):
        super().__init__(*args, **options)
        self.kind = kind

    def __call__(self, parser, namespace, values, option_string=None):
        try:
            setattr(namespace, self.dest, self.kind(",".join(values)))
        except InputError as error:
            raise argparse.ArgumentError(self, error.message) from error


def parse(parser: Parser, argv: Sequence[str]) -> Dict[str, Any]:
    """Parse arguments of which paths may stand before and after flags: a command's own ``parse``,
    where it says so.
    """
    return vars(parser.parse_intermixed_args(list(argv)))


def closest_flag(word: str, flags: Iterable[str]) -> Optional[str]:
    """Return the flag that a word may have been meant for: one that has all its parts, as
    ``--num-epochs`` has those of ``--epochs``, or one that is spelled much like it.
    """
    if not word.startswith("-") or not word.strip("-"):
        return None
    known = [flag for flag in flags if flag.startswith("--")]
    parts = word.split("=", maxsplit=1)[0].strip("-").replace("_", "-").split("-")
    wanted = f"--{'-'.join(parts)}"
    if SYNONYMS.get(wanted) in known:
        return SYNONYMS[wanted]
    whole = [flag for flag in known if {*parts} <= {*flag.strip("-").split("-")}]
    close = difflib.get_close_matches(wanted, whole or known, n=1, cutoff=0 if whole else LIKENESS)
    return close[0] if close else None


def one_line(message: object) -> str:
    """Return the message without line breaks; what a terminal would obey is spelled out, and of one
    that takes up what somebody else wrote at length the middle is left out.
    """
    line = " ".join(str(message).split())
    if len(line) > LONGEST_LINE:
        half = LONGEST_LINE // 2
        line = f"{line[:half]} ... {line[-half:]}"
    return printable(line)
