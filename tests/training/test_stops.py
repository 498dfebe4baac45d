"""Runs that stop for data that cannot be read, or go back to an older checkpoint."""

import json

import numpy as np
import pytest

from aff.training import run as run_module
from aff.training.checkpoint import list_checkpoints, newest_checkpoint
from aff.training.state import RunState
from aff.training.trainer import Partial
from aff.utils.errors import InputError, Interrupted

from .helpers import parameters, small_loop
from .test_checkpoint import facts, make_run
from .test_interruption import Switch


class Broken:
    """Batches of which one cannot be read, in one epoch (of training) or at all (of evaluation)."""

    def __init__(self, batches, place, epoch=None):
        self.batches, self.place, self.broken = batches, place, epoch

    def __getattr__(self, name):
        return getattr(self.batches, name)

    def __len__(self):
        return len(self.batches)

    def _until(self, batches, start=0):
        for number, batch in enumerate(batches, start):
            if number == self.place:
                raise InputError("data.rec: record 7: it does not decode")
            yield batch

    def epoch(self, epoch, start=0):
        batches = self.batches.epoch(epoch, start)
        return self._until(batches, start) if epoch == self.broken else batches

    def __iter__(self):
        return self._until(self.batches)


def damaged(run, part, place):
    if part == "train":
        object.__setattr__(run, "train", Broken(run.train, place, epoch=1))
    else:
        run.evals["test"] = Broken(run.evals["test"], place)
    return run


@pytest.mark.parametrize(
    "part, place, saved", [("train", 2, 2), ("train", 0, 0), ("test", 1, 4), ("test", 0, 4)]
)
def test_data_that_cannot_be_read_loses_no_training(tiny_data, tmp_path, part, place, saved):
    whole = make_run(tiny_data, tmp_path / "whole", 3)
    expected = facts(whole.go(RunState()))
    folder = tmp_path / "run"
    run, state = damaged(make_run(tiny_data, folder, 3), part, place), RunState()
    with pytest.raises(InputError, match="record 7: .*so far is saved: .*--resume auto --save-dir"):
        run.go(state)
    checkpoint = newest_checkpoint(str(folder))
    again = make_run(tiny_data, folder, 3)
    state = RunState.resumed(checkpoint, again.loop)
    assert (state.partial.batches if state.partial else 0) == saved
    again.publish(checkpoint, state)
    assert facts(again.go(state)) == expected
    for name, value in parameters(whole.loop).items():
        np.testing.assert_array_equal(parameters(again.loop)[name], value, err_msg=name)
    assert (folder / "best.params").read_bytes() == (tmp_path / "whole/best.params").read_bytes()


def test_data_that_cannot_be_read_at_the_very_start_leaves_nothing(tiny_data, tmp_path):
    run = make_run(tiny_data, tmp_path, 3)
    object.__setattr__(run, "train", Broken(run.train, 0, epoch=0))
    with pytest.raises(InputError, match="record 7: it does not decode$"):
        run.go(RunState())
    assert not list_checkpoints(str(tmp_path))


def test_the_best_parameters_go_back_with_the_run(tiny_data, tmp_path):
    run = make_run(tiny_data, tmp_path, 1)
    run.go(RunState())
    first = (tmp_path / "best.params").read_bytes()
    run = make_run(tiny_data, tmp_path, 2)
    run.go(RunState.resumed(newest_checkpoint(str(tmp_path)), run.loop))
    (tmp_path / "best.params").write_bytes(b"of an epoch that is trained again")
    again = make_run(tiny_data, tmp_path, 2)
    older = str(tmp_path / "checkpoint-0001")
    again.publish(older, RunState.resumed(older, again.loop))
    assert (tmp_path / "best.params").read_bytes() == first


def test_the_log_goes_back_with_the_run(tiny_data, tmp_path):
    run = make_run(tiny_data, tmp_path, 3)
    run.go(RunState())
    path = tmp_path / "logs" / "train.jsonl"
    with path.open("a") as file:
        file.write('{"event": "ep')
    run.log.go_back(2)
    assert [json.loads(line)["epoch"] for line in path.read_text().splitlines()] == [0, 1]
    run.log.go_back(0)
    assert path.read_text() == ""


@pytest.mark.parametrize("leads", [True, False])
def test_only_the_leading_worker_counts_what_was_trained_before(tiny_data, monkeypatch, leads):
    loop = make_loop(tiny_data, monkeypatch, leads)
    state = RunState.started(loop)
    assert state.partial == (Partial(2, 12, 3.0, 4.0, 5.0) if leads else Partial(2, seconds=5.0))


def make_loop(tiny_data, monkeypatch, leads):
    """A loop of a job whose leading worker has resumed within an epoch."""
    saved = {
        "history": [],
        "best_epoch": None,
        "partial": {"batches": 2, "samples": 12, "loss": 3.0, "metric": 4.0, "seconds": 5.0},
    }
    loop = small_loop()
    monkeypatch.setattr("aff.training.state.share_checkpoint", lambda *_: saved)
    monkeypatch.setattr(type(loop.job), "leads", leads)
    return loop


def test_a_stop_before_the_first_step_leaves_the_checkpoint_as_it_is(
    tiny_data, tmp_path, monkeypatch
):
    make_run(tiny_data, tmp_path, 1).go(RunState())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("checkpoint-*/*")}
    monkeypatch.setattr(run_module, "Interruption", lambda active: Switch(0))
    for epochs, folder in ((2, tmp_path), (1, tmp_path / "new")):
        run = make_run(tiny_data, folder, epochs)
        checkpoint = newest_checkpoint(str(folder))
        state = RunState.resumed(checkpoint, run.loop) if checkpoint else RunState()
        where = "after epoch 0" if checkpoint else "before epoch 0"
        with pytest.raises(Interrupted, match=f"stopped by SIGTERM {where}; all is saved"):
            run.go(state)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("checkpoint-*/*")} == before
    assert not list_checkpoints(str(tmp_path / "new"))
