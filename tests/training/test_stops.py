"""Runs that stop for data that cannot be read, or go back to an older checkpoint."""

import json

import numpy as np
import pytest

from aff.training.checkpoint import list_checkpoints
from aff.training.meters import Partial
from aff.training.process_group import ProcessGroup
from aff.training.state import RunState
from aff.utils.errors import InputError, Interrupted

from .helpers import after, events, facts, parameters, small_run, small_trainer, stop


class Broken:
    """Batches of which one cannot be read, in one epoch (of training) or at all (of evaluation)."""

    def __init__(self, batches, index, epoch=None):
        self.batches, self.index, self.broken = batches, index, epoch

    def __getattr__(self, name):
        return getattr(self.batches, name)

    def __len__(self):
        return len(self.batches)

    def _until(self, batches, start=0):
        for number, batch in enumerate(batches, start):
            if number == self.index:
                raise InputError("data.rec: record 7: it does not decode")
            yield batch

    def epoch(self, epoch, start=0):
        batches = self.batches.epoch(epoch, start)
        return self._until(batches, start) if epoch == self.broken else batches

    def __iter__(self):
        return self._until(self.batches)


def broken(part, index, epoch):
    """Breaks a part's batches, those of training in one epoch."""
    return lambda name, loader: Broken(loader, index, epoch) if name == part else loader


def saved_batches(folder):
    """Batches trained of an epoch that is not finished, as the newest checkpoint says."""
    with open(f"{list_checkpoints(str(folder))[-1]}/state.json", encoding="utf-8") as file:
        partial = json.load(file)["partial"]
    return partial["batches"] if partial else 0


@pytest.mark.numeric
@pytest.mark.parametrize(
    "part, index, saved",
    [
        ("train", 2, 2),
        pytest.param("train", 0, 0, marks=pytest.mark.slow),
        ("test", 1, 4),
        pytest.param("test", 0, 4, marks=pytest.mark.slow),
    ],
)
def test_data_that_cannot_be_read_loses_no_training(tiny_data, tmp_path, whole, part, index, saved):
    run = small_run(tiny_data, tmp_path, wrap=broken(part, index, epoch=1))
    with pytest.raises(InputError, match=f"record 7: .*resume auto save_dir {tmp_path}"):
        run.fit()
    assert saved_batches(tmp_path) == saved
    again = small_run(tiny_data, tmp_path)
    assert facts(again.fit()) == whole().facts
    for name, value in whole().parameters.items():
        np.testing.assert_array_equal(parameters(again.trainer)[name], value, err_msg=name)
    best = (tmp_path / "best.params").read_bytes()
    assert best == (whole().folder / "best.params").read_bytes()


def test_data_that_cannot_be_read_at_the_very_start_leaves_nothing(tiny_data, tmp_path):
    run = small_run(tiny_data, tmp_path, wrap=broken("train", 0, epoch=0))
    with pytest.raises(InputError, match="record 7: it does not decode$"):
        run.fit()
    assert not list_checkpoints(str(tmp_path))


def test_the_best_parameters_go_back_with_the_run(tiny_data, copied):
    first, second = list_checkpoints(str(copied))
    best = (copied / "checkpoint-0001" / "best.params").read_bytes()
    (copied / "best.params").write_bytes(b"of an epoch that is trained again")
    with pytest.raises(Interrupted):
        small_run(tiny_data, copied, 2, resume=first, tick=after(0, stop)).fit()
    assert (copied / "best.params").read_bytes() == best


def test_the_log_goes_back_with_the_run(tiny_data, copied):
    path = copied / "logs" / "train.jsonl"
    with path.open("a") as file:
        file.write('{"event": "ep')
    first, _ = list_checkpoints(str(copied))
    with pytest.raises(Interrupted):
        small_run(tiny_data, copied, 2, resume=first, tick=after(0, stop)).fit()
    assert [event["epoch"] for event in events(copied) if event["event"] == "epoch"] == [0]
    small_run(tiny_data, copied, 2, resume=first).fit()
    assert [event["epoch"] for event in events(copied) if event["event"] == "epoch"] == [0, 1]


class Worker(ProcessGroup):
    """A worker of two, the main one of which has resumed within an epoch."""

    world_size = 2

    def __init__(self, rank):
        super().__init__()
        self.rank = rank

    def broadcast(self, value):
        partial = {"batches": 2, "samples": 12, "loss": 3.0, "metric": 4.0, "seconds": 5.0}
        return [{"history": [], "best_epoch": None, "partial": partial}, 2, {}, None]


@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_main_worker_counts_what_was_trained_before(rank):
    trainer = small_trainer(group=Worker(rank))
    state = RunState.started(trainer)
    assert state.partial == (
        Partial(2, seconds=5.0) if rank else Partial(2, 12, 3.0, 4.0, seconds=5.0)
    )
    assert trainer.step == 2


def test_a_stop_before_the_first_step_leaves_the_checkpoint_as_it_is(tiny_data, copied, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in copied.glob("checkpoint-*/*")}
    for epochs, folder, where in (
        (3, copied, "after epoch 1"),
        (1, tmp_path / "new", "before epoch 0"),
    ):
        run = small_run(tiny_data, folder, epochs, tick=after(0, stop), resume_changed=True)
        with pytest.raises(Interrupted, match=f"SIGTERM {where}; .*resume auto save_dir {folder}"):
            run.fit()
    assert {path: path.stat().st_mtime_ns for path in copied.glob("checkpoint-*/*")} == before
    assert not list_checkpoints(str(tmp_path / "new"))
