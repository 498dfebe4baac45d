"""Reading JSON with bounds on everything, into the dataclass that wrote it.

What somebody may have changed by hand, or sent, is checked once, where it is read: size, depth,
numbers and texts of whatever stands there (`parse_json`), then type and range of each field by the
annotations of a dataclass (`typed`). Behind that, no code asks again.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, field, fields, is_dataclass
from functools import lru_cache
from typing import Any, Dict, List, Optional, Tuple, Union, get_args, get_origin, get_type_hints

from .errors import InputError
from .opening import MB, read_text
from .report import printable

MAX_BYTES = 16 * MB
#: The deepest that is written here has 7.
MAX_DEPTH = 40
#: Values of one file, each as often as it is referred to.
MAX_VALUES = 4_000_000
LONGEST_NUMBER = 400  # digits
#: Characters of what a file holds that a message takes up.
SHOWN = 60
Limits = Tuple[float, float]
#: How one came to a value: the way to what holds it, and its name or place there.
_Way = Optional[Tuple[Any, Union[str, int]]]
ANY_NUMBER = (-math.inf, math.inf)
WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "values by name",
    type(None): "null",
}


class NoJSON(InputError):
    """A text is no JSON, or a part of one."""


def read_json(
    path: str,
    kind: Any = Dict[str, Any],
    max_bytes: int = MAX_BYTES,
    max_values: int = MAX_VALUES,
) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : str
        The file.
    kind : type, default dict
        What it holds, as `typed` takes it.
    max_bytes, max_values : int
        Refuse a larger one, or one of more values.

    Raises
    ------
    InputError
        For a file that cannot be read, or whose content `parse_json` or `typed` refuses.
    """
    return typed(parse_json(read_text(path, max_bytes), path, max_values), kind, path)


def parse_json(text: Union[str, bytes], path: str, max_values: int = MAX_VALUES) -> Any:
    """Return what JSON says; `path` is where it stands, for messages.

    Raises
    ------
    InputError
        For what is no JSON (`NoJSON`), and for what JSON can say but nothing here writes: NaN,
        infinities, whole numbers of more than 64 bits, NULs, halves of surrogate pairs, nesting
        beyond `MAX_DEPTH`.
    """
    try:
        value = json.loads(text, parse_int=_parse_int)
    except RecursionError:
        raise InputError(f"{path}: is nested too deep") from None
    except ValueError as error:
        raise NoJSON(f"{path}: cannot be read: {error}") from None
    return bounded(value, path, max_values)


def bounded(value: Any, path: str, max_values: int = MAX_VALUES) -> Any:
    """Return lists, values by name, texts, numbers, truth values and null, within bounds.

    Raises
    ------
    InputError
        For anything else, and as `parse_json`.
    """
    pending: List[Tuple[Any, int, _Way]] = [(value, 0, None)]
    count = 0
    while pending:
        item, depth, way = pending.pop()
        count += 1
        trouble = ""
        if depth > MAX_DEPTH:
            trouble = f"is nested more than {MAX_DEPTH} deep"
        elif count > max_values:
            trouble = f"is one of more than {max_values:,} values"
        elif isinstance(item, dict):
            pending += ((key, depth + 1, (way, "a name")) for key in item)
            pending += ((part, depth + 1, (way, key)) for key, part in item.items())
            if not all(isinstance(key, str) for key in item):
                trouble = "has a name that is no text"
        elif isinstance(item, list):
            pending += ((part, depth + 1, (way, index)) for index, part in enumerate(item))
        else:
            trouble = _trouble(item)
        if trouble:
            raise InputError(": ".join(filter(None, (path, _name(way), trouble))))
    return value


def _trouble(item: Any) -> str:
    """Return what is wrong with a value that has no parts; empty where nothing is."""
    if isinstance(item, str):
        if "\0" in item:
            return f"{_shown(item)} holds a NUL"
        if not item.isascii() and any("\ud800" <= letter <= "\udfff" for letter in item):
            return f"{_shown(item)} is no text (half a surrogate pair)"
    elif isinstance(item, float):
        if not math.isfinite(item):
            return f"takes a number that is finite, got {item}"
    elif isinstance(item, int):
        if not -(2**63) <= item < 2**63:
            return "takes a number of 64 bits"
    elif item is not None:
        return f"holds {_shown(item)}, which JSON does not know"
    return ""


def _name(way: _Way) -> str:
    """Return the name of a place, as in ``history[3].lr``."""
    parts: List[str] = []
    while way:
        way, key = way
        parts.append(f"[{key}]" if isinstance(key, int) else f".{key}")
    return printable("".join(reversed(parts)).lstrip("."), SHOWN)


def ranged(minimum: float = -math.inf, maximum: float = math.inf, **options: Any) -> Any:
    """Return a dataclass field whose numbers, also those in its lists, are within these limits.

    Parameters
    ----------
    minimum, maximum : float
        The limits, both allowed.
    **options
        Of `dataclasses.field`, such as its default.
    """
    return field(metadata={"range": (minimum, maximum)}, **options)


def typed(value: Any, kind: Any, path: str, name: str = "", limits: Limits = ANY_NUMBER) -> Any:
    """Return a value as the type that it has to have.

    Parameters
    ----------
    value : object
        What `parse_json` gives.
    kind : type
        A dataclass (what it does not know is passed over, what has no default has to be there),
        ``Optional``, ``List``, ``Dict`` by text, ``bool``, ``int``, ``float``, ``str`` or ``Any``.
    path, name : str
        Where it stands, for messages: the file, and the way to the field.
    limits : (float, float)
        The range of its numbers.

    Raises
    ------
    InputError
        For a value of another type or out of range; it names file and field.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or (origin is Union and value is None):
        return value
    if origin is Union:  # Optional
        kind = next(argument for argument in arguments if argument is not type(None))
        return typed(value, kind, path, name, limits)
    if is_dataclass(kind):
        return _record(_of(dict, value, path, name), kind, path, name)
    value = _of(origin or kind, value, path, name)
    if origin is list:
        places = ((f"{name}[{index}]", part) for index, part in enumerate(value))
        return [typed(part, arguments[0], path, place, limits) for place, part in places]
    if origin is dict:
        places = ((key, f"{name}.{key}".lstrip(".")) for key in value)
        return {key: typed(value[key], arguments[1], path, place, limits) for key, place in places}
    if isinstance(value, (int, float)) and not limits[0] <= value <= limits[1]:
        raise InputError(f"{path}: {name}: takes {WORDS[kind]} {_range(limits)}, got {value}")
    return value


def _of(kind: type, value: Any, path: str, name: str) -> Any:
    """Return a value of a plain type; a whole number is a number too, a truth value is neither."""
    is_switch = isinstance(value, bool)
    if kind is float and isinstance(value, int) and not is_switch:
        value = float(value)
    if not isinstance(value, kind) or is_switch != (kind is bool):
        where = ": ".join(filter(None, (path, printable(name, SHOWN))))
        raise InputError(f"{where}: takes {WORDS[kind]}, got {_shown(value)}")
    return value


@lru_cache(maxsize=None)
def _described(kind: Any) -> Tuple[Tuple[str, Any, Limits, bool], ...]:
    """Return name, type, range and whether it has to be there of each field of a dataclass."""
    hints = get_type_hints(kind)
    return tuple(
        (
            item.name,
            hints[item.name],
            item.metadata.get("range", ANY_NUMBER),
            item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(kind)
        if item.init
    )


def _record(found: Dict[str, Any], kind: Any, path: str, name: str) -> Any:
    values = {}
    for key, hint, limits, needed in _described(kind):
        inner = f"{name}.{key}" if name else key
        if key in found:
            values[key] = typed(found[key], hint, path, inner, limits)
        elif needed:
            raise InputError(f"{path}: {inner} is missing")
    return kind(**values)


def _range(limits: Limits) -> str:
    low, high = (f"{limit:g}" if math.isfinite(limit) else "" for limit in limits)
    return f"from {low} to {high}" if low and high else f"of at least {low}{high}"


def _shown(value: Any) -> str:
    """Return a value as messages show it, however large it is."""
    if isinstance(value, (list, dict)):
        return f"{WORDS[type(value)]} ({len(value)})"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return printable(repr(value[:100] if isinstance(value, str) else value), SHOWN)


def _parse_int(text: str) -> float:
    """Return a whole number; infinity for one that takes long to read."""
    return int(text) if len(text) <= LONGEST_NUMBER else math.inf
