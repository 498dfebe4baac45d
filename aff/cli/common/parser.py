"""Parsers of the commands: no abbreviations, defaults shown, an error in one line."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ...utils.errors import InputError


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


def one_line(message: object) -> str:
    """Return the message without line breaks."""
    return " ".join(str(message).split())
