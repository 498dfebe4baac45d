"""Runs of segmentation networks: what they learn and keep, and that they resume exactly."""

import json

import numpy as np
import pytest

import aff
from aff.compat import machine
from aff.nn.native.operator import why_not
from aff.paper.curves import read_curve
from aff.training import announce, task
from aff.training.checkpoint import list_checkpoints
from aff.training.curves import KEYS, Curve, row_of
from aff.training.record import EpochRecord
from aff.training.state import RunState
from aff.utils.errors import Interrupted
from aff.utils.json_file import typed

from ..data.masked import write_masked
from .helpers import after, events, parameters, stop
from .masked import mask_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("masked")
    write_masked(root / "train", 16, sizes=((16, 16),))
    write_masked(root / "val", 4, seed=100, sizes=((16, 16), (14, 19)))
    return root


def facts(state):
    return [
        (r.epoch, r.train_loss, r.train_value, r.miou, r.pixel_error, r.ema_miou)
        for r in state.history
    ]


@pytest.mark.parametrize("loss", ["ce", pytest.param("soft-iou", marks=pytest.mark.slow)])
def test_it_learns(data, tmp_path, loss):
    state = mask_run(data, tmp_path, num_epochs=10, loss=loss, scale=[1.0, 1.0]).fit()
    assert state.best().miou["val"] > 0.9
    best = max(state.history, key=lambda record: (record.miou["val"], record.epoch))
    assert state.best_epoch == best.epoch
    *epochs, end = events(tmp_path)
    assert end["val_miou"] == best.miou["val"] and end["val_pixel_error"] < 0.1
    assert end["last_val_miou"] == state.history[-1].miou["val"]
    assert epochs[-1]["train_metric"] == "pixel_error" and "top1_error" not in epochs[-1]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["score"] == 1 - best.miou["val"]
    assert result["best"] == {
        "epoch": best.epoch,
        "miou": best.miou,
        "pixel_error": best.pixel_error,
    }
    told = (tmp_path / "logs" / "train.log").read_text()
    assert f"val mIoU {100 * best.miou['val']:.2f} %" in told
    assert f"validation mean IoU  {100 * best.miou['val']:.2f} %" in told
    curves = [read_curve(str(tmp_path / "logs" / name)) for name in ("train.jsonl", "train.log")]
    for curve in curves:
        assert curve.best().epoch == best.epoch
        for key in ("val_miou", "val_pixel_error", "train_pixel_error", "train_loss"):
            np.testing.assert_allclose(curve.series(key), curves[0].series(key), atol=1e-4)
    assert (tmp_path / "logs" / "history.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.numeric
@pytest.mark.skipif(
    bool(why_not()) and machine()["threads"] != 1, reason="mxnet resizes maps in no fixed order"
)
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stopped_run_resumes_exactly(data, tmp_path, devices):
    """Again and again, also within its epochs, with all that a run can keep beside."""
    settings = {"model_ema": 0.9, "clip_grad": 1.0, "grad_accum_steps": 2, "batch_size": 2}
    whole = mask_run(data, tmp_path / "whole", devices, **settings)
    expected = whole.fit()
    assert all(record.ema_miou for record in expected.history)
    stops = 0
    while True:
        run = mask_run(data, tmp_path / "parts", devices, after(7, stop), **settings)
        try:
            state = run.fit()
            break
        except Interrupted:
            stops += 1
            assert stops < 60
            assert list_checkpoints(str(tmp_path / "parts"))
    assert stops > 1
    assert facts(state) == facts(expected)
    for name, value in parameters(whole.trainer).items():
        np.testing.assert_array_equal(parameters(run.trainer)[name], value, err_msg=name)


def test_two_devices_do_what_one_does(data, tmp_path):
    """But for BatchNorm, whose statistics are those of a device's share: here of images that are
    all alike.
    """
    root = tmp_path / "alike"
    write_masked(root / "train", 4, sizes=((16, 16),))
    for kind in ("images", "masks"):
        files = sorted((root / "train" / kind).iterdir())
        for file in files[1:]:
            file.write_bytes(files[0].read_bytes())
    (root / "val").symlink_to(root / "train")
    settings = {"num_epochs": 1, "scale": [1.0, 1.0], "mirror": False}
    one, two = (
        mask_run(root, tmp_path / str(devices), devices, batch_size=4 // devices, **settings)
        for devices in (1, 2)
    )
    (first,), (second,) = one.fit().history, two.fit().history
    assert second.train_loss == pytest.approx(first.train_loss, rel=1e-5)
    assert second.train_value == pytest.approx(first.train_value)
    assert second.miou["val"] == pytest.approx(first.miou["val"], abs=0.02)


@pytest.mark.parametrize(
    "scores, waited, best", [([0.1, 0.3, 0.2, 0.3], 2, 3), ([0.4, 0.3, 0.2], 2, 0)]
)
def test_the_best_epoch_has_the_largest_iou(scores, waited, best):
    state = RunState()
    for epoch, score in enumerate(scores):
        record = EpochRecord(epoch, 0.1, 1.0, "pixel_error", 0.5)
        record.miou, record.pixel_error = {"val": score}, {"val": 0.2}
        state.add(record, "val")
    assert (state.best_epoch, state.waited("val")) == (best, waited)
    again = typed(json.loads(json.dumps(vars(state.best()))), EpochRecord, "x")
    assert again == state.best() and again.scores("val") == {
        "miou": scores[best],
        "pixel_error": 0.2,
    }
    rows = {record.epoch: row_of(vars(record)) for record in state.history}
    curve = Curve("it", rows)
    assert (curve.best().epoch, curve.best().score) == (best, scores[best])
    assert f"val_{KEYS['miou']}" == curve.best().key


def test_the_checkpoint_of_another_kind_of_run_is_refused(data, tmp_path):
    mask_run(data, tmp_path, num_epochs=1).fit()
    (checkpoint,) = list_checkpoints(str(tmp_path))
    path = tmp_path / checkpoint.rsplit("/")[-1]
    state = json.loads((path / "state.json").read_text())
    for record in state["history"]:
        record["top1_error"], record["top5_error"] = record.pop("miou"), record.pop("pixel_error")
    (path / "state.json").write_text(json.dumps(state))
    (path / "SHA256SUMS").unlink()
    with pytest.raises(aff.InputError, match="lacks the errors on val"):
        mask_run(data, tmp_path, num_epochs=1).fit()


@pytest.mark.parametrize(
    "threads, native, repeats", [(1, "", True), (2, "no", False), (2, "", True)]
)
def test_a_run_says_where_it_does_not_repeat(data, tmp_path, monkeypatch, threads, native, repeats):
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    monkeypatch.setattr(task, "why_not", lambda: native)
    mask_run(data, tmp_path, 1).fit()
    said = (tmp_path / "logs" / "train.log").read_text()
    assert ("with OMP_NUM_THREADS=1 bit for bit" in said) != repeats


def test_a_loss_that_rises_is_told(data, tmp_path, monkeypatch):
    monkeypatch.setattr(announce, "trouble_at_start", lambda state, classes: "what is usual")
    mask_run(data, tmp_path, num_epochs=1).fit()
    said = (tmp_path / "logs" / "train.log").read_text()
    assert "the training loss is above what is usual" in said
    assert "(the published 0.01 is for 32 images)" in said
