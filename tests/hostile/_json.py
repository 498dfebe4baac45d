"""Mutations of JSON: other values, other names, other texts."""

import copy
import json

#: Put in place of a value as they stand here, whatever that is.
TOKENS = (
    *("null", "true", "false", "0", "-1", "1", "1.5", "1e308", "1e999", "-1e999", "NaN"),
    *("Infinity", "9223372036854775807", "9223372036854775808", "1" * 400, "1" * 5000),
    *('""', '"x"', '"\\ud800"', '"\\udcff\\u0000"', '"\\u001b[2J"', '"\\u0000"', '"../../x"'),
    *("[]", "{}", "[[]]", '[{}, null, "x", 1]', '{"x": {}}', '{"": null}', "[1e999]"),
    *("[" * 100_000, '{"x":' * 100_000, "[" * 900 + "]" * 900, "[" * 60 + "]" * 60),
    *("30000000", "2000000000", '"' + "x" * 200_000 + '"', "[" + "0," * 9999 + "0]"),
    *('{"ctx": 1}', '{"fusion": "AFF", "classes": 10, "ctx": "cpu"}', '"imagenet"', '"digits"'),
    *('{"fusion": "AFF", "classes": 30000000}', '{"fusion": ["AFF"], "classes": "10"}'),
    *('{"fusion": "AFF", "classes": 10, "norm_layer": "x"}', '["a", "b"]', '"AFF"', "10"),
)
NAMES = ("ctx", "kwargs", "fusion", "norm_layer", "pretrained", "root", "", "\x1b", "x" * 1000)
PLACE = "@@here@@"


def _holders(value):
    """All lists and dicts in a value."""
    pending, found = [value], []
    while pending:
        item = pending.pop()
        if isinstance(item, (list, dict)) and item:
            found.append(item)
            pending += item.values() if isinstance(item, dict) else item
    return found


def mutated(value, rng):
    """The text of a JSON value with one to three changes."""
    value = copy.deepcopy(value)
    tokens = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holders = _holders(value)
        if not holders:
            break
        holder = rng.choice(holders)
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        change = rng.random()
        if change < 0.7:
            tokens.append(rng.choice(TOKENS))
            holder[key] = f"{PLACE}{len(tokens) - 1}"
        elif change < 0.8:
            del holder[key]
        elif change < 0.9 and isinstance(holder, dict):
            holder[rng.choice(NAMES)] = holder.pop(key)
        else:
            others = rng.choice(holders)
            other = rng.choice(list(others) if isinstance(others, dict) else range(len(others)))
            holder[key] = copy.deepcopy(others[other])
    text = json.dumps(value)
    for number, token in enumerate(tokens):
        text = text.replace(f'"{PLACE}{number}"', token)
    return text


def damaged(text, rng):
    """A text with bytes changed, cut out or put in."""
    content = bytearray(text.encode())
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        kind = rng.random()
        if kind < 0.4:
            content[place : place + 1] = bytes([rng.randrange(256)])
        elif kind < 0.7:
            del content[place : place + rng.randint(1, 40)]
        else:
            content[place:place] = rng.choice(("{", "]", '"', "\\", ",", "\xff", "\0")).encode(
                "latin-1"
            )
    return bytes(content)


def harmful(value, rng):
    """The bytes of a file that should have held a value."""
    text = mutated(value, rng)
    return damaged(text, rng) if rng.random() < 0.15 else text.encode()
