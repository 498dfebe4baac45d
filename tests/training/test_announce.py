"""What a run says of an epoch: its line, and that the loss above."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from aff.training.announce import Announcer, trouble_at_start
from aff.training.config import TrainConfig
from aff.training.logger import RunLogger
from aff.training.state import EpochRecord, RunState
from aff.training.task import Task
from aff.utils.screen import fold


def record(epoch, loss=1.0, metric="top1_error", parts=("test",)):
    errors = dict.fromkeys(parts, 0.1003)
    top5 = dict.fromkeys(parts, 0.0012)
    return EpochRecord(epoch, 0.098765, loss, metric, 0.7386, errors, top5, 1656.4, 36.12)


def state_of(*losses, first_epoch=0):
    records = [record(epoch, loss) for epoch, loss in enumerate(losses, first_epoch)]
    return RunState(records, best_epoch=first_epoch, first_epoch=first_epoch)


def test_errors_are_in_percent():
    assert record(3).line(10) == (
        "epoch 3  lr 0.09877  train loss 1.0000, error 73.86 %  1656 images/s  36.1 s  "
        "test error 10.03 %, top-5 0.12 %"
    )
    assert "top-5" not in record(3).line(5)
    assert "train loss 1.0000, rmse 0.7386  " in record(3, metric="rmse").line(10)


def test_a_line_takes_two_on_80_columns():
    assert fold(record(120, parts=("val", "test")).line(10), 80).splitlines() == [
        "epoch 120  lr 0.09877  train loss 1.0000, error 73.86 %  1656 images/s  36.1 s",
        "          val error 10.03 %, top-5 0.12 %  test error 10.03 %, top-5 0.12 %",
    ]


@pytest.mark.parametrize(
    "losses, above",
    [
        ([1.0], ""),
        ([1.0, 0.9], ""),
        ([1.0, 1.1], "epoch 0, 1.0000"),
        ([1.0, 1.1, 1.2], ""),  # told after epoch 1
        ([1.0, 0.9, 1.01], "epoch 0"),
        ([1.0, 0.9, 0.8, 1.01], "epoch 0"),
        ([1.0, 0.9, 0.8, 0.7, 1.01], ""),
        ([5.0, 2.31], "guessing among 10 classes, 2.3026"),  # ln 10
        ([5.0, 2.30], ""),
        ([2.31], ""),
    ],
)
def test_a_loss_that_does_not_fall_at_the_start_is_told_once(losses, above):
    told = trouble_at_start(state_of(*losses), 10)
    assert (above in told) if above else not told


def test_runs_that_begin_later_and_losses_of_more_terms_are_left_alone():
    assert not trouble_at_start(state_of(1.0, 1.1, first_epoch=40), 10)
    assert not trouble_at_start(state_of(9.0, 8.0), None)


@pytest.mark.parametrize("main", [True, False])
@pytest.mark.parametrize(
    "kind, optimizer, published",
    [
        ("cifar", "nag", "0.2 is for 128 images)"),
        ("imagenet", "nag", "0.075 is for 256 images)"),
        ("cifar", "adamw", "0.2 is for 128 images by nag)"),
    ],
)
def test_the_hint_names_the_batch_and_the_published_rate(kind, optimizer, published, main, capsys):
    data = SimpleNamespace(train=SimpleNamespace(batch_size=32))
    group = SimpleNamespace(is_main_process=main, world_size=2)
    announcer = Announcer(
        replace(TrainConfig.defaults(kind), optimizer=optimizer),
        data,
        SimpleNamespace(group=group, task=Task()),
        RunLogger(spelling=lambda field: f"--{field}", quiet=not main),
    )
    announcer.tell_epoch(state_of(1.0, 1.5))
    said = capsys.readouterr()
    assert ("epoch 1" in said.out) is main
    if not main:
        assert said.err == ""
        return
    for part in ("the training loss is above", f"{optimizer} and a batch of 32", published):
        assert part in said.err
    assert "lower --lr" in said.err


@pytest.mark.parametrize(
    "chooser, shown, held_out, chosen",
    [
        ("test", "test", 0, "chosen by the test set itself: test"),
        ("val", "val", 0, "chosen by the validation set itself: validation"),
        ("val", "test", 0, "chosen by the validation set: test"),
        ("val", "test", 0.1, "chosen by the held-out part: test"),
        ("val", "val", 0.1, "chosen by the held-out part: held-out"),
    ],
)
def test_the_end_says_what_chose(chooser, shown, held_out, chosen, capsys):
    data = SimpleNamespace(chooser=chooser, reported=shown, evals={shown: SimpleNamespace(total=9)})
    announcer = Announcer(
        replace(TrainConfig.defaults("cifar"), val_split=held_out),
        data,
        SimpleNamespace(task=Task()),
        RunLogger(spelling=str),
    )
    announcer.conclude(RunState([record(0, parts={chooser, shown})], best_epoch=0), "p")
    assert f"best epoch 0, {chosen} top-1 error" in capsys.readouterr().out
