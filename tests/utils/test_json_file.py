"""The one reader of JSON: bounds on whatever stands there, types and ranges by dataclass."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aff
from aff.training.state import EpochRecord, RunState
from aff.utils.json_file import parse_json, ranged, read_json, typed


@dataclass
class Inner:
    share: float = ranged(0, 1)
    note: Optional[str] = None


@dataclass
class Outer:
    name: str
    count: int = ranged(0, default=0)
    inner: List[Inner] = field(default_factory=list)
    shares: Dict[str, float] = ranged(0, 1, default_factory=dict)
    ready: bool = False
    free: Any = None


def test_what_a_dataclass_wrote_comes_back(tmp_path):
    record = EpochRecord(0, 0.1, 1.5, "rmse", 0.5, {"test": 0.5}, {"test": 1.0}, 100.0, 3.0)
    for value in (Outer("a", 3, [Inner(0.5, "b"), Inner(1.0)], {"x": 0.0}, True, [1]), record):
        path = tmp_path / "x.json"
        path.write_text(json.dumps({**asdict(value), "of a later version": 1}))
        assert read_json(str(path), type(value)) == value


@pytest.mark.parametrize(
    "change, named",
    [
        ({"name": None}, "name: takes a text, got null"),
        ({"name": 3}, "name: takes a text, got 3"),
        ({"count": True}, "count: takes a whole number, got true"),
        ({"count": 1.5}, "count: takes a whole number, got 1.5"),
        ({"count": -1}, "count: takes a whole number of at least 0, got -1"),
        ({"inner": {}}, r"inner: takes a list, got values by name \(0\)"),
        ({"inner": [1]}, r"inner\[0\]: takes values by name, got 1"),
        ({"inner": [{}]}, r"inner\[0\].share is missing"),
        ({"inner": [{"share": 2}]}, r"inner\[0\].share: takes a number from 0 to 1, got 2"),
        ({"shares": {"x": "1"}}, "shares.x: takes a number, got '1'"),
        ({"shares": {"x": 7}}, "shares.x: takes a number from 0 to 1"),
        ({"ready": 1}, "ready: takes true or false, got 1"),
        ({"name": "x" * 200_000, "count": []}, r"count: takes a whole number, got a list \(0\)"),
        ({"count": "x" * 200_000}, "count: takes a whole number, got 'xxx"),
    ],
)
def test_types_and_ranges_are_those_of_the_dataclass(change, named):
    with pytest.raises(aff.InputError, match=f"^it.json: {named}") as error:
        typed({"name": "a", **change}, Outer, "it.json")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "text, named",
    [
        ("[" * 100_000, "nested"),
        ('{"a":' * 100_000, "nested"),
        ("[" * 50 + "]" * 50, "nested"),
        ('{"a": {"b": [1, NaN]}}', r"a.b\[1\]: .* finite"),
        ('{"a": -Infinity}', "a: .* finite"),
        ('{"a": 1e999}', "a: .* finite"),
        ('{"a": 9223372036854775808}', "a: .* 64 bits"),
        (f'{{"a": {"9" * 5000}}}', "a: .* finite"),
        ('{"a": "\\ud800"}', "a: .* surrogate"),
        ('{"\\udcff": 1}', "surrogate"),
        ('{"a": "\\u0000"}', "a: .* NUL"),
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[1]", "takes values by name, got a list"),
    ],
)
def test_what_nothing_here_writes_is_refused(text, named, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(aff.InputError, match=f"x.json: .*{named}") as error:
        read_json(str(path))
    assert len(str(error.value)) < 300 + len(str(path))


def test_what_is_not_read_is_not_kept(tmp_path):
    (tmp_path / "x.json").write_bytes(b" " * 1000)
    with pytest.raises(aff.InputError, match="more than 999 bytes"):
        read_json(str(tmp_path / "x.json"), max_bytes=999)
    (tmp_path / "x.json").write_bytes(b'"\xff"')
    with pytest.raises(aff.InputError, match="UTF-8"):
        read_json(str(tmp_path / "x.json"))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES, kind=st.sampled_from([RunState, Outer, Dict[str, Any], List[Inner], Any]))
def test_any_value_is_taken_or_refused(value, kind):
    try:
        typed(parse_json(json.dumps(value), "x"), kind, "x")
    except aff.InputError as error:
        assert str(error).startswith("x: ") and "\n" not in str(error)
