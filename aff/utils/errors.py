"""The exceptions that end in one line, and how their messages name settings.

Everything a user can get wrong (a misspelt name, a missing or damaged file, a machine without what
is asked for) raises :class:`InputError` with a message of one line that names the thing and the way
out. Commands print that line and end with exit code 2; API users catch it as the `ValueError` that
it is.
"""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from typing import Callable, Iterable, Iterator, Mapping, Sequence, TypeVar

SHOWN = 3
#: Valid names that a message lists; where there are more, what lists them all, by what they name.
LISTED = 10
LISTS = {
    "command": "aff help",
    "model": "aff list models",
    "fusion": "aff list fusions",
    "published parameters": "aff list published",
    "recipe": "aff recipes",
}
T = TypeVar("T")


class _OneLine(Exception):
    """An error whose message may name settings, each by its field in braces (see `spell`); as text
    it shows the fields.
    """

    def __str__(self) -> str:
        return spell(self.message)

    @property
    def message(self) -> str:
        """The message as it was raised, for `spell` and for messages that take it up."""
        return str(self.args[0]) if self.args else ""


class InputError(_OneLine, ValueError):
    """Something given by the user cannot be used; the message is one line, with the way out."""


class RunError(_OneLine, RuntimeError):
    """A run that cannot go on through no mistake in its arguments (a loss that is not finite, a
    full disk).

    Commands print its one line and end with exit code 1.
    """


class Interrupted(_OneLine):
    """A run that a signal has stopped, with all that it needs to go on saved.

    Parameters
    ----------
    message : str
        How to go on.
    code : int
        The conventional exit code, 128 and the signal's number.
    """

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


def spell(message: str, spelling: Callable[[str], str] = str) -> str:
    """Return a message with the settings that it names in braces, as in ``'lower {batch_size}'``,
    spelled by their fields, or, in a command, by its flags.

    Parameters
    ----------
    message : str
        The message.
    spelling : callable, optional
        Field to what stands for it.
    """
    return re.sub(r"\{([a-z][a-z0-9_]*)\}", lambda match: spelling(match.group(1)), message)


def last_line(error: BaseException) -> str:
    """Return the last line of an error's message, which is where mxnet says what went wrong."""
    return (str(error).strip().splitlines() or [""])[-1]


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Have an `InputError` within begin with where it was found: a file, whose fields it names as
    they are spelled there, or a setting.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def unknown(kind: str, name: object, valid: Iterable[str]) -> InputError:
    """Return an :class:`InputError` for a name that no registry holds.

    Parameters
    ----------
    kind : str
        What the name stands for, e.g. ``'fusion'``.
    name : object
        What was given.
    valid : iterable of str
        The names that would have served; of many the message lists the first.
    """
    valid = list(valid)
    close = difflib.get_close_matches(str(name), valid, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    more = ""
    if len(valid) > LISTED:
        every = f" ('{LISTS[kind]}' has all)" if kind in LISTS else ""
        more = f" and {len(valid) - LISTED} more{every}"
    return InputError(f"unknown {kind} {name!r}: {hint}valid: {', '.join(valid[:LISTED])}{more}")


def look_up(kind: str, name: object, table: Mapping[str, T]) -> T:
    """Return what a registry holds under a name; `kind` is what the name stands for.

    Raises
    ------
    InputError
        Where it holds nothing under it; the message names some that exist.
    """
    if str(name) not in table:
        raise unknown(kind, name, table)
    return table[str(name)]


def shorten(names: Sequence) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(str, names[:SHOWN]))}{more}"
