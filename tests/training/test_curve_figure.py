"""The picture of training curves: its panels, axes, marks and legend, asked of the figure."""

import hashlib
import subprocess
import sys

import pytest
from matplotlib.figure import Figure

from aff.training import history_plot
from aff.training.curve_figure import BEST, best_text, draw, fill, panels
from aff.training.curves import Curve, run_title
from aff.training.history_plot import HistoryPlot
from aff.training.state import EpochRecord


def curve(epochs, parts=("test",), metric="top1", top5=0.01, first=0, name="run"):
    """A run whose errors fall to the last epoch but one."""
    rows = {}
    for epoch in range(epochs):
        error = 0.5 / (1 + epoch) if epoch < epochs - 1 or epochs == 1 else 0.6
        rows[first + epoch] = {
            **{"lr": 0.1, "train_loss": 1.5, f"train_{metric}": 0.3},
            **{f"{part}_top1": error + 0.001 * (part == "test") for part in parts},
            **{f"{part}_top5": top5 for part in parts},
        }
    return Curve(name, rows, "resnet8-AFF on digits")


def axes_of(curves):
    figure = Figure(layout="constrained")
    fill(figure, curves, panels(curves), 2)
    figure.canvas.draw()
    return figure, {axis.get_ylabel(): axis for axis in figure.axes}


def ring(axis):
    return [tuple(line.get_xydata()[0]) for line in axis.lines if line.get_gid() == BEST]


@pytest.mark.parametrize("epochs, first", [(1, 0), (2, 0), (8, 0), (400, 0), (3, 100)])
def test_a_run_of_any_length(epochs, first):
    figure, axes = axes_of([curve(epochs, first=first)])
    assert "last epochs" in " ".join(axes) or epochs < 20
    for axis in figure.axes:
        assert axis.get_xlabel() == "epoch"
        assert axis.lines
        ticks = axis.get_xticks()
        assert len(ticks) and all(tick == int(tick) for tick in ticks)
        low, high = axis.get_xlim()
        assert any(low <= tick <= high for tick in ticks)
    best = first + max(0, epochs - 2)
    assert ring(axes["top-1 error (%)"]) == [
        (best, pytest.approx(100 * (0.5 / (best - first + 1) + 0.001)))
    ]


def test_panels_and_percent():
    _, axes = axes_of([curve(5, ("val", "test"))])
    assert list(axes) == ["top-1 error (%)", "top-5 error (%)", "training loss", "learning rate"]
    top1 = axes["top-1 error (%)"]
    drawn = {line.get_label(): list(line.get_ydata()) for line in top1.lines}
    assert drawn["run train"] == pytest.approx([30] * 5)
    assert drawn["run val"][0] == pytest.approx(50)
    assert drawn["run test"][0] == pytest.approx(50.1)
    assert [text.get_text() for text in top1.texts] == ["12.60 %"]
    colours = [line.get_color() for line in top1.lines if line.get_gid() != BEST]
    assert len(set(colours)) == 3


def test_five_classes_have_no_top5_and_soft_targets_no_error():
    _, axes = axes_of([curve(5, top5=0.0)])
    assert list(axes) == ["top-1 error (%)", "training loss", "learning rate"]
    _, axes = axes_of([curve(5, metric="rmse")])
    assert list(axes["training RMSE (soft targets)"].lines[0].get_ydata()) == [0.3] * 5
    assert not [line for line in axes["top-1 error (%)"].lines if "train" in line.get_label()]


@pytest.mark.parametrize("count", range(1, 6))
def test_no_place_is_left_empty(count):
    keys = ("test_top1", "test_top5", "train_loss", "lr", "images_per_sec")[:count]
    some = Curve("run", {0: dict.fromkeys(keys, 0.5)})
    figure, axes = axes_of([some])
    assert len(axes) == count
    cells = [
        (row, column)
        for axis in figure.axes
        for row in axis.get_subplotspec().rowspan
        for column in axis.get_subplotspec().colspan
    ]
    assert len(set(cells)) == len(cells) == 2 * -(-count // 2)


def test_the_best_epoch_is_the_held_out_part_s():
    rows = {
        0: {"val_top1": 0.2, "test_top1": 0.1},
        1: {"val_top1": 0.1, "test_top1": 0.3},
        2: {"val_top1": 0.1, "test_top1": 0.25},
    }
    chosen = Curve("run", rows)
    assert best_text(chosen) == "25.00 % at epoch 2 (chosen by val)"
    figure, axes = axes_of([chosen])
    assert ring(axes["top-1 error (%)"]) == [(2, pytest.approx(25))]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["val", f"test: {best_text(chosen)}"]
    alone = Curve("run", {epoch: {"val_top1": row["val_top1"]} for epoch, row in rows.items()})
    assert best_text(alone) == "10.00 % at epoch 2 (best)"


def test_long_runs_are_told_apart_at_their_ends():
    def falling(name, epochs, end):
        errors = [end + 0.7 * 0.95**epoch for epoch in range(epochs)]
        return Curve(name, {epoch: {"val_top1": error} for epoch, error in enumerate(errors)})

    curves = [falling("a", 160, 0.209), falling("b", 180, 0.204)]
    figure, axes = axes_of(curves)
    zoomed = axes["top-1 error (%), last epochs"]
    low, high = zoomed.get_ylim()
    assert 19 < low < 20.4 and 20.9 < high < 22
    (start, last) = zoomed.get_xlim()
    assert 120 < start < 130 and 179 <= last < 181
    assert [text.get_text() for text in zoomed.texts] == ["20.92 %", "20.41 %"]
    assert not axes["top-1 error (%)"].texts
    (legend,) = figure.legends
    assert [text.get_text().split(":")[0] for text in legend.texts] == ["a", "b"]


def test_many_runs_have_looks_of_their_own():
    curves = [curve(5, ("val", "test"), name=f"run{number}") for number in range(20)]
    figure, axes = axes_of(curves)
    handles = figure.legends[0].get_lines()
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in handles}
    assert len(looks) == len(handles) == 20 + 3  # and train, val, test
    assert len(ring(axes["top-1 error (%)"])) == 20


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_curves_give_the_same_file(tmp_path, ending):
    sums = set()
    for name in "ab":
        draw([curve(25)], str(tmp_path / f"{name}.{ending}"))
        sums.add(hashlib.sha256((tmp_path / f"{name}.{ending}").read_bytes()).hexdigest())
    assert len(sums) == 1
    assert len(list(tmp_path.iterdir())) == 2


def record(epoch):
    return EpochRecord(epoch, 0.1, 1.0, "rmse", 0.2, {"test": 0.5}, {"test": 0.1}, 100.0, 1.0)


def test_the_history_s_title_and_figures(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(history_plot, "draw", lambda curves, path: drawn.append((*curves, path)))
    HistoryPlot("x.png", "resnet8-AFF on digits").update([record(0), record(1)])
    ((found, path),) = drawn
    assert (found.title, path, list(found.rows)) == ("resnet8-AFF on digits", "x.png", [0, 1])
    assert "images_per_sec" not in found.rows[0]  # of the machine, not of the run


def test_the_history_does_not_slow_a_run_down(monkeypatch):
    now, drawn = [0.0], []

    def draw(curves, path):
        now[0] += 1
        drawn.append(max(curves[0].rows))

    monkeypatch.setattr(history_plot, "draw", draw)
    monkeypatch.setattr(history_plot.time, "perf_counter", lambda: now[0])
    plot = HistoryPlot("x.png", "")
    plot.update([])
    for epoch in range(100):
        now[0] += 1
        plot.update([record(number) for number in range(epoch + 1)], at_once=epoch == 99)
    assert (drawn[0], drawn[-1]) == (0, 99)
    assert 4 <= len(drawn) <= 7


def test_a_history_leaves_matplotlib_of_the_program_alone(tmp_path):
    script = f"""
import aff.training.run, sys
assert "matplotlib" not in sys.modules
import aff.training.history_plot as plot
from tests.training.test_curve_figure import record
plot.HistoryPlot({str(tmp_path / "x.png")!r}, "").update([record(0)])
assert "matplotlib.pyplot" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    "fusion, data, title",
    [
        ("ASKCFuse", {"dataset": "digits", "labels": None}, "resnet8-c2-AFF on digits"),
        (
            "ResGlobLocaforGlobLocaCha",
            {"dataset": "cifar100", "labels": "coarse", "data_dir": "/home/me/x"},
            "resnet8-c2-iAFF on cifar100 (coarse labels)",
        ),
        (
            "mine",
            {"dataset": "imagenet", "data_dir": "/home/me/photos/"},
            "resnet8-c2-mine on photos",
        ),
        ("Add", {"dataset": "imagenet", "data_dir": None}, "resnet8-c2-Add on imagenet"),
    ],
)
def test_titles_of_runs(fusion, data, title):
    kwargs = {"fusion": fusion, "channel_times": 2}
    assert run_title("cifar_resnet8_askc", kwargs, data) == title
