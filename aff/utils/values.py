"""What values a setting takes: each kind turns text into a value, or says what is wrong with it.

A command's flags and the fields of a configuration file go through the same kinds.
"""

from __future__ import annotations

import math
from typing import Callable, List

from .errors import InputError

MAX_INT = 2**31 - 1


def int_range(minimum: int, maximum: int = MAX_INT) -> Callable[[str], int]:
    """Return a kind: whole numbers from `minimum` to `maximum`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise InputError(f"takes a whole number, got {text!r}") from None
        if not minimum <= value <= maximum:
            upper = f" and at most {maximum}" if maximum < MAX_INT else ""
            raise InputError(f"takes a whole number of at least {minimum}{upper}, got {text}")
        return value

    return parse


def float_range(
    minimum: float, maximum: float = math.inf, open_minimum: bool = False
) -> Callable[[str], float]:
    """Return a kind: finite numbers from `minimum` (or above it) to `maximum`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise InputError(f"takes a number, got {text!r}") from None
        if (
            not math.isfinite(value)
            or not minimum <= value <= maximum
            or (open_minimum and value == minimum)
        ):
            lower = f"above {minimum:g}" if open_minimum else f"of at least {minimum:g}"
            upper = f" and at most {maximum:g}" if math.isfinite(maximum) else ""
            raise InputError(f"takes a number {lower}{upper}, got {text}")
        return value

    return parse


def nonempty(text: str) -> str:
    """Return a kind: a name or a path; an empty text (an unset variable of a shell) is none."""
    if not text.strip():
        raise InputError("takes a name, got an empty text")
    return text


def recorded(text: str) -> str:
    """Return a kind: a name or a path that stands in a run's settings, and that mxnet can take."""
    try:
        nonempty(text).encode()
    except UnicodeEncodeError:
        raise InputError(f"takes a name in UTF-8, got {text!r}: rename it") from None
    return text


def text(value: str) -> str:
    """Return a kind: any text."""
    return value


def epochs(text: str) -> List[int]:
    """Return a kind: epochs separated by commas, such as 300,350; an empty text is none."""
    parse = int_range(1)
    return sorted({parse(part.strip()) for part in text.split(",")}) if text.strip() else []


def scales(text: str) -> List[float]:
    """Return a kind: the least and the greatest of factors above 0 and up to 16, separated by a
    comma.
    """
    parts = text.split(",")
    if len(parts) != 2:
        raise InputError(f"takes two numbers, the least and the greatest, got {text!r}")
    low, high = (float_range(0, 16, open_minimum=True)(part.strip()) for part in parts)
    if low > high:
        raise InputError(f"takes the least and the greatest, got {low:g} and {high:g}")
    return [low, high]


def names(text: str) -> List[str]:
    """Return a kind: names separated by commas, each once; an empty text is none."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def rand_aug(text: str) -> List[int]:
    """Return a kind: a number of operations, 1 to 20, and their magnitude, 0 to 10, separated by a
    comma; an empty text is none.
    """
    if not text.strip():
        return []
    parts = text.split(",")
    if len(parts) != 2:
        raise InputError(f"takes two numbers, of operations and their magnitude, got {text!r}")
    return [int_range(1, 20)(parts[0].strip()), int_range(0, 10)(parts[1].strip())]
