"""The short form of :mod:`tests.hostile`: nothing breaks, hangs or fills the memory."""

import contextlib
import io
from importlib import import_module

import pytest

import aff

from .hostile import attempt, list_kinds, try_kind

#: How often the short form tries each kind that is quick.
TIMES = {
    **{"json_files": 15, "tars": 60, "params": 150, "records": 60, "images": 20, "folders": 1},
    **{"checkpoints": 30, "runs": 24, "masks": 15},
}
#: How often the slow tests try the others, at their cost: they wait, or start processes.
SLOWLY = {"servers": 1, "kills": 60, "disks": 150, "jobs": 60, "streams": 160, "native": 20}
FACTOR = 20


def broken(kind, folder, seed, times):
    with contextlib.redirect_stdout(io.StringIO()):
        outcomes = try_kind(kind, folder, seed, times)
    if kind == "native" and not outcomes:
        pytest.skip("there is no compiler")
    cost = getattr(import_module(f"tests.hostile.{kind}"), "COST", 1)
    assert sum(outcome.tried for outcome in outcomes.values()) >= times // cost
    return {what: outcome.broke for what, outcome in outcomes.items() if outcome.broke}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", TIMES)
def test_nothing_breaks(kind, tmp_path):
    assert not broken(kind, tmp_path, 0, TIMES[kind])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", list_kinds())
def test_nothing_breaks_at_length(kind, tmp_path):
    assert not broken(kind, tmp_path, 1, SLOWLY.get(kind) or FACTOR * TIMES[kind])


def test_what_breaks_is_told():
    def mistake():
        raise aff.InputError("a line")

    assert "ZeroDivisionError" in attempt(lambda: 1 / 0)
    assert attempt(mistake) == attempt(lambda: None) == ""
