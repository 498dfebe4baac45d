"""What TensorBoard shows of a run, read back by TensorBoard's own reader; a resumed run shows what
an undisturbed one does.
"""

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import aff
from aff.training import event_file
from aff.training.meters import StepFigures
from aff.training.tensorboard import TensorBoard, hyperparameters
from aff.utils.errors import RunError

from .event_reading import read_back, without_speed
from .helpers import after, mixed_batches, small_run
from .recipes import assert_resumes_exactly
from .test_event_file import filled, full_disk

SETTINGS = {"tensorboard": "auto", "log_interval": 1, "clip_grad": 0.5, "model_ema": 0.5}
#: Steps of an epoch of a `small_run`.
STEPS = 4


def shown(folder):
    return read_back(folder / "logs" / "tensorboard")


@pytest.fixture(scope="module")
def whole(tiny_data, tmp_path_factory):
    """A run of three epochs that was not disturbed: its `folder`, `state` and `config`."""
    folder = tmp_path_factory.mktemp("whole")
    run = small_run(tiny_data, folder, 3, **SETTINGS)
    return SimpleNamespace(folder=folder, state=run.fit(), config=run.config)


@pytest.mark.numeric
def test_figures_by_step(whole):
    folder, state = whole.folder, whole.state
    found = shown(folder).scalars
    steps = list(range(1, 3 * STEPS + 1))
    tags = ("loss", "lr", "grad_norm", "images_per_sec")
    for tag in tags:
        assert [step for step, _ in found[f"step/{tag}"]] == steps
    losses = np.reshape([value for _, value in found["step/loss"]], (3, STEPS))
    norms = np.reshape([value for _, value in found["step/grad_norm"]], (3, STEPS))
    for record, loss, norm in zip(state.history, losses, norms):
        assert record.train_loss == pytest.approx(loss.mean(), rel=1e-6)
        assert record.grad_norm == pytest.approx(norm.mean(), rel=1e-6)
    schedule = whole.config.schedule(STEPS)
    expected = [schedule(step) for step in range(3 * STEPS)]
    assert [value for _, value in found["step/lr"]] == pytest.approx(expected)
    assert all(value > 0 for _, value in found["step/images_per_sec"])


def test_figures_by_epoch(whole):
    folder, state = whole.folder, whole.state
    found = shown(folder).scalars
    expected = {
        "train_loss": [record.train_loss for record in state.history],
        "train_rmse": [record.train_value for record in state.history],
        "test_top1_error": [record.top1_error["test"] for record in state.history],
        "test_ema_top1_error": [record.ema_top1_error["test"] for record in state.history],
        "lr": [record.lr for record in state.history],
        "images_per_sec": [record.images_per_sec for record in state.history],
        "grad_norm": [record.grad_norm for record in state.history],
        "clipped": [record.clipped for record in state.history],
    }
    assert {tag[6:] for tag in found if tag.startswith("epoch/")} == {*expected}  # of 4 classes
    for name, values in expected.items():
        assert [step for step, _ in found[f"epoch/{name}"]] == [0, 1, 2]
        assert [value for _, value in found[f"epoch/{name}"]] == pytest.approx(values)


def test_the_first_batch_is_seen_as_it_is(whole, tiny_data):
    """Tiles of 8 x 8 pixels, in a row: the images of the first batch, their normalisation undone
    by the formula.
    """
    ((step, png),) = shown(whole.folder).images["images/train"]
    picture = np.asarray(Image.open(io.BytesIO(png)))
    data, _ = next(iter(mixed_batches(tiny_data).epoch(0)))
    expected = np.rint(255 * (data.astype(np.float64) * 0.25 + 0.5)).clip(0, 255)
    assert (step, picture.shape) == (0, (8, 6 * 8, 3))
    tiles = picture.reshape(8, 6, 8, 3).transpose(1, 3, 0, 2)
    np.testing.assert_array_equal(tiles, expected)


def test_settings_stand_beside_the_final_score(whole):
    folder, state = whole.folder, whole.state
    found = shown(folder)
    values = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in found.hparams["session_start_info"].session_start_info.hparams.items()
    }
    assert values == hyperparameters(whole.config)
    assert (values["model_ema"], values["network"]) == (0.5, "cifar_resnet8_askc")
    idle = {"beta1", "warmup_lr", "lr_decay_epoch"}  # of nag and a cosine without a warm-up
    others = {"save_dir", "log_interval", "num_workers", "smoke", "crop_ratio"}
    assert not (idle | others) & {*values}
    metrics = [metric.name.tag for metric in found.hparams["experiment"].experiment.metric_infos]
    result = json.loads((folder / "result.json").read_text())
    for name in ("score", "test_top1_error", "last_test_top1_error"):
        assert f"final/{name}" in metrics
        ((step, value),) = found.scalars[f"final/{name}"]
        assert (step, value) == (2, pytest.approx(result[name]))
    assert result["score"] == state.best().top1_error["test"]
    assert found.hparams["session_end_info"].session_end_info.status == 1  # of success


def assert_shows_the_same(folder, expected):
    """TensorBoard shows the same of both runs, but for the machine's speed."""
    ours, theirs = shown(folder), shown(expected)
    assert without_speed(ours.scalars) == without_speed(theirs.scalars)
    assert ours.images == theirs.images
    assert ours.hparams == theirs.hparams
    assert len(filled(folder / "logs" / "tensorboard")) == 1


@pytest.mark.slow
@pytest.mark.numeric
def test_a_run_that_is_stopped_shows_what_an_undisturbed_one_does(tiny_data, tmp_path):
    whole, parts = assert_resumes_exactly(tiny_data, tmp_path, 10, **SETTINGS)
    assert_shows_the_same(parts, whole)


class Killed(BaseException):
    """What ends a run wherever it is."""


def kill():
    raise Killed


@pytest.mark.numeric
@pytest.mark.parametrize("save_minutes", [pytest.param(0, marks=pytest.mark.slow), 1e-9])
def test_a_run_that_is_killed_shows_each_figure_once(tiny_data, tmp_path, whole, save_minutes):
    """What it had shown behind its last checkpoint, of an epoch or of a step, is taken back, and
    shown again.
    """
    killed, beyond = 0, 0
    for ticks in (7, 4, 8, 99):
        settings = {**SETTINGS, "save_minutes": save_minutes}
        run = small_run(tiny_data, tmp_path, 3, tick=after(ticks, kill), **settings)
        try:
            run.fit()
        except Killed:
            killed += 1
            steps = [step for step, _ in shown(tmp_path).scalars.get("step/loss", [(0, 0)])]
            assert steps == [*range(steps[0], steps[-1] + 1)]
            beyond += ticks == 7 and steps[-1] == STEPS
            (path,) = filled(tmp_path / "logs" / "tensorboard")
            with open(path, "ab") as file:
                file.write(b"\x2a\0\0\0\0")  # of the record that it was writing
    assert (killed, beyond) == (3, 1)
    assert_shows_the_same(tmp_path, whole.folder)


@pytest.mark.numeric
def test_a_finished_run_that_is_started_again_ends_once(tiny_data, tmp_path):
    settings = {**SETTINGS, "model_ema": 0.0, "clip_grad": 0.0}
    small_run(tiny_data, tmp_path, 1, **settings).fit()
    before = shown(tmp_path)
    assert "step/grad_norm" not in before.scalars and "epoch/clipped" not in before.scalars
    small_run(tiny_data, tmp_path, 1, **settings).fit()
    assert without_speed(shown(tmp_path).scalars) == without_speed(before.scalars)
    small_run(tiny_data, tmp_path, 2, resume_changed=True, **settings).fit()
    found = shown(tmp_path)
    assert [step for step, _ in found.scalars["final/score"]] == [1]
    assert [step for step, _ in found.scalars["step/loss"]] == [*range(1, 2 * STEPS + 1)]
    assert found.images == before.images


@pytest.mark.numeric
def test_it_may_begin_later_and_elsewhere(copied, tiny_data, tmp_path):
    folder = tmp_path / "board"
    settings = {"tensorboard": str(folder), "mixup_off_epoch": 0, "resume_changed": True}
    small_run(tiny_data, copied, 3, logging_dir=str(copied / "logs"), **settings).fit()
    found = read_back(folder)
    assert [step for step, _ in found.scalars["epoch/train_loss"]] == [2]
    assert "step/loss" not in found.scalars  # every 50 steps, where the log has no interval
    assert [step for step, _ in found.images["images/train"]] == [2 * STEPS]
    said = (copied / "logs" / "train.log").read_text()
    assert f"by TensorBoard, from {folder}" in said
    kept = json.loads((folder / "settings.json").read_text())
    assert (folder / kept["save_dir"]).resolve() == copied.resolve()


def test_the_interval_is_of_steps_of_the_run():
    class File:
        tags = {"images/train"}
        shown = []

        def add_scalars(self, step, group, scalars):
            self.shown.append((group, step, *scalars))

    board = TensorBoard(File())
    for step in range(30, 120):
        board.step(StepFigures(step, 8, 1.0, 0.1))
    names = ("loss", "lr", "images_per_sec")
    assert File.shown == [("step", 50, *names), ("step", 100, *names)]
    batches = [("data", "targets")]
    assert board.watched(batches, None, 0) is batches


@pytest.mark.numeric
def test_a_disk_that_is_full_ends_the_run_with_a_line(tiny_data, tmp_path, monkeypatch):
    there = event_file.EventFile.add_scalars

    def full(file, *args):
        with monkeypatch.context() as patch:
            patch.setattr(event_file, "open_in_place", full_disk)
            there(file, *args)

    run = small_run(tiny_data, tmp_path, 2, **SETTINGS)
    monkeypatch.setattr(event_file.EventFile, "add_scalars", full)
    with pytest.raises(RunError, match="No space left.*resume auto save_dir"):
        run.fit()


def test_without_its_library_nothing_is_begun(tiny_data, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboardX"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(aff.InputError, match=r"tensorboardX is needed .*pip install '\.\[tensor"):
        small_run(tiny_data, tmp_path / "run", 1, **SETTINGS).fit()
    assert not (tmp_path / "run").exists()
