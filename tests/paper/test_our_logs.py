"""Logs of our runs, read for curves: the text tells what the JSON lines do."""

import pytest

from aff.paper.curves import read_curve
from aff.training.record import EpochRecord

from ..cli.conftest import QUICK, trained_in


@pytest.mark.parametrize("fusion", ["ASKCFuse", "DirectAdd"])
def test_both_logs_of_a_run_tell_the_same(fusion, tmp_path):
    flags = f"{QUICK} --num-epochs 2 --batch-size 64 --fusion {fusion} --save-dir p"
    folder = str(
        trained_in(tmp_path, f"{flags} --logging-dir resnet8-{fusion}") / f"resnet8-{fusion}"
    )
    lines, text = read_curve(folder), read_curve(f"{folder}/train.log")
    name = {"ASKCFuse": "AFF", "DirectAdd": "Add"}[fusion]
    for curve in (lines, text):
        assert (curve.name, curve.title) == (f"resnet8-{name}", f"resnet8-{name} on digits")
    for epoch, row in lines.rows.items():
        told, speed = dict(text.rows[epoch]), row.pop("images_per_sec")
        assert told.pop("images_per_sec") == pytest.approx(speed, abs=0.51)  # whole ones
        assert told == pytest.approx(row, abs=1e-4)


def test_an_epoch_s_line_is_read_whatever_it_says(tmp_path):
    scores = {"top1_error": {"val": 0.25, "test": 0.5}, "top5_error": {"val": 0.1, "test": 0.2}}
    for number, clipping in enumerate([{}, {"grad_norm": 1.25, "clipped": 0.5}]):
        trained = {"train_loss": 0.5, "train_metric": "rmse", "train_value": 0.2}
        spent = {"images_per_sec": 100.0, "seconds": 5.0}
        record = EpochRecord(epoch=number, lr=0.1, **trained, **spent, **clipping, **scores)
        (tmp_path / "train.log").write_text(f"2026-01-01 00:00:01 {record.line(10)}\n")
        row = read_curve(str(tmp_path / "train.log")).rows[number]
        assert (row["images_per_sec"], row["val_top1"], row["test_top5"]) == (100, 0.25, 0.2)
