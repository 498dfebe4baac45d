"""What was written before the modules moved into their rooms goes on: a checkpoint after the first
of two epochs, with its settings and its log (``tests/before/``).
"""

import json
import tarfile

import pytest

from ..conftest import ROOT
from .conftest import lines_of, train

FLAGS = (
    "--dataset digits --blocks 1 --channel-times 1 --fusion DirectAdd --cpus 1 --seed 1 "
    "--num-epochs 2 --batch-size 128 --lr 0.05 --cosine --warmup-epochs 1 --mixup-alpha 0.2 "
    "--mixup-off-epoch 1 --val-split 0.1 --save-period 0 -j 1 --save-dir run/params "
    "--logging-dir run/logs --resume auto"
)


@pytest.fixture
def before(elsewhere):
    """The run, unpacked."""
    with tarfile.open(f"{ROOT}/tests/before/run.tar.gz") as archive:
        archive.extractall(elsewhere)
    return elsewhere / "run"


def events(path, kind):
    with open(path, encoding="utf-8") as file:
        return [event for event in map(json.loads, file) if event["event"] == kind]


@pytest.mark.numeric
def test_a_run_written_before_the_move_ends_as_the_undisturbed_one(before, capsys):
    assert train(FLAGS) == 0
    said = capsys.readouterr()
    assert "after epoch 0" in lines_of(said.out, "resume")[0]
    assert not said.err
    first, second = events(before / "logs" / "train.jsonl", "epoch")
    undisturbed = events(f"{ROOT}/tests/before/whole.jsonl", "epoch")
    for key in ("lr", "train_loss", "train_value", "top1_error", "top5_error"):
        assert first[key] == undisturbed[0][key], "it was trained then"
    expected = undisturbed[1]
    assert (second["epoch"], second["train_metric"]) == (1, "rmse")
    assert second["lr"] == pytest.approx(expected["lr"], abs=1e-12)
    assert second["train_loss"] == pytest.approx(expected["train_loss"], rel=0.01)
    assert second["train_value"] == pytest.approx(expected["train_value"], rel=0.01)
    for error in ("top1_error", "top5_error"):
        for part, images in (("val", 143), ("test", 359)):
            wrong = round(images * (second[error][part] - expected[error][part]), 6)
            assert abs(wrong) <= 0.02 * images, (error, part)
    end = events(before / "logs" / "train.jsonl", "end")[0]
    assert (end["best_epoch"], end["chosen_by"]) == (1, "val")
    assert (before / "params" / "checkpoint-0002").is_dir()


@pytest.mark.parametrize(
    "more, named",
    [
        ("--lr 0.1", "lr 0.05 -> 0.1"),
        ("--label-smoothing", "label_smoothing 0.0 -> 0.1"),
        ("--val-split 0.2 --resume-changed", "val_split"),
    ],
)
def test_it_is_held_to_its_settings(before, more, named, capsys):
    assert train(f"{FLAGS} {more}") == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    for other in ("cosine", "lr_mode", "mixup", "discard", "threads"):
        assert f"{other} " not in error, "what is only called otherwise has not changed"
