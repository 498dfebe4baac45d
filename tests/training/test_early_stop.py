"""Runs that end early, and what a run leaves for whoever compares many."""

import json

import pytest

from aff.training.record import EpochRecord
from aff.training.state import RunState

from .helpers import facts, small_run
from .recipes import assert_resumes_exactly


def history(errors, averages=()):
    """A state of so many epochs with these errors, and those of an average where given."""
    records = [
        EpochRecord(epoch, 0.1, 1.0, "rmse", 0.5, {"test": error}, {"test": 0.0}, 1.0, 1.0)
        for epoch, error in enumerate(errors)
    ]
    for record, error in zip(records, averages):
        record.ema_top1_error = {"test": error}
    return RunState(records)


@pytest.mark.parametrize(
    "errors, averages, waited",
    [
        ([], [], 0),
        ([0.5], [], 0),
        ([0.5, 0.6, 0.5], [], 2),  # the same is not lower
        ([0.5, 0.6, 0.4], [], 0),
        ([0.5, 0.6, 0.6, 0.7], [0.9, 0.8, 0.7, 0.8], 1),
        ([0.0, 0.0, 0.0], [], 2),
    ],
)
def test_what_is_waited_for_is_a_lower_error(errors, averages, waited):
    assert history(errors, averages).waited("test") == waited


@pytest.mark.numeric
def test_a_run_ends_early_and_stays_so(tiny_data, tmp_path):
    settings = {"early_stop": 2, "lr": 1e-12, "mixup_off_epoch": 0}
    run = small_run(tiny_data, tmp_path, 30, **settings)
    state = run.fit()
    assert state.waited("test") == 2 and len(state.history) < 30
    said = (tmp_path / "logs" / "train.log").read_text()
    assert "early stop: 2 epochs (early_stop) without a lower test error" in said
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["stopped_early"] and result["epochs"] == len(state.history)
    again = small_run(tiny_data, tmp_path, 30, **settings)
    assert facts(again.fit()) == facts(state)


@pytest.mark.numeric
def test_a_run_leaves_its_result(tiny_data, tmp_path):
    state = small_run(tiny_data, tmp_path, 3, model_ema=0.5).fit()
    result = json.loads((tmp_path / "result.json").read_text())
    assert result == json.loads((tmp_path / "logs" / "result.json").read_text())
    assert result["score"] == result["best"]["top1_error"]["test"]
    assert result["best"]["epoch"] == result["best_epoch"] == state.best_epoch
    assert result["last"]["train_loss"] == state.history[-1].train_loss
    assert result["average"]["epoch"] == state.best_ema_epoch
    assert (result["epochs"], result["stopped_early"]) == (3, False)
    assert result["settings"]["model_ema"] == 0.5
    assert result["parameters"] == str(tmp_path / "best.params")


@pytest.mark.numeric
def test_a_run_resumes_exactly(tiny_data, tmp_path):
    settings = {"early_stop": 2, "lr": 1e-12, "mixup_off_epoch": 0}
    whole, parts = assert_resumes_exactly(tiny_data, tmp_path, epochs=8, **settings)
    results = [json.loads((run / "result.json").read_text()) for run in (whole, parts)]
    assert results[0]["stopped_early"] and results[0]["epochs"] == results[1]["epochs"]
