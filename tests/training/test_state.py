"""A run's state, read back: its types and ranges, and whether it contradicts itself."""

import json
import pathlib
from dataclasses import asdict

import pytest

import aff
from aff.training.amp import Float16
from aff.training.checkpoint import save_checkpoint
from aff.training.record import EpochRecord
from aff.training.state import RunState

from .helpers import small_trainer


@pytest.mark.parametrize(
    "change, named",
    [
        ({"history": [1]}, r"history\[0\]: takes values by name"),
        ({"best_epoch": "0"}, "best_epoch: takes a whole number"),
        ({"best_epoch": 7}, "best_epoch 7 is none of its epochs"),
        ({"best_epoch": None}, "best_epoch None is none"),
        ({"first_epoch": 3}, "its epochs are not those from 3 on"),
        ({"first_epoch": 10**12}, "first_epoch: takes a whole number from 0 to"),
        (
            {"history": [], "best_epoch": None, "first_epoch": 9, "steps_per_epoch": 0},
            "starts after the last epoch, 9",
        ),
        ({"partial": {"batches": 7}}, "partial.batches is more than the 6"),
        ({"step": True}, "step: takes a whole number, got true"),
        ({"step": -5}, "step: takes a whole number of at least 0"),
        ({"precision": [1]}, "precision: takes values by name"),
    ],
)
def test_a_state_of_other_types_is_refused_before_anything_is_trained(change, named, tmp_path):
    trainer = small_trainer()
    trainer.create_states()
    trainer.step = 6
    errors = {"test": 0.5}
    record = EpochRecord(0, 0.1, 1.0, "rmse", 0.5, errors, errors, 100.0, 5.0)
    state = {"history": [asdict(record)], "best_epoch": 0, "steps_per_epoch": 6}
    path = pathlib.Path(save_checkpoint(str(tmp_path), trainer, 1, state))
    assert RunState.resumed(str(path), trainer, ("test",), 9).next_epoch == 1
    with pytest.raises(aff.InputError, match="lacks the errors on test and val"):
        RunState.resumed(str(path), trainer, ("test", "val"), 9)
    (path / "SHA256SUMS").unlink()  # as of an earlier version
    kept = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**kept, **change}))
    with pytest.raises(aff.InputError, match=f"state.json: .*{named}"):
        RunState.resumed(str(path), trainer, ("test",), 9)


@pytest.mark.parametrize("scale", [None, 0, -1, 1e308, "8", True])
def test_a_loss_scale_that_is_none(scale):
    with pytest.raises(aff.InputError, match=r"precision: loss_scale: takes a number"):
        Float16().restore({"loss_scale": scale, "unskipped": 0, "skipped": 0})
    with pytest.raises(aff.InputError, match=r"precision: loss_scale is missing"):
        Float16().restore({})
