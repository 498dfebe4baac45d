"""The picture of ``aff cam``: its cells, titles and bars of colours, asked of the figure."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import aff
from aff.viz.cam import View, list_fusion_blocks, stage_of
from aff.viz.cam_figure import Column, Picture, Weighed, draw, fill

BLOCK = "features.4.1.attention"
NAMES = ("ankle boot", "trouser")


def picture(name, label=None):
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)
    return Picture(name, pixels, np.zeros((3, 28, 28), np.float32), label)


def column(name, low=None, high=None, images=2):
    """A network; with a weight from `low` to `high` where it weighs."""
    weights = {} if low is None else {BLOCK: np.array([[low, high]])}
    view = View(1, 0.95, np.array([[0.0, 1.0]]), weights)
    weighed = [Weighed(BLOCK, "the body", "stage 3, block 2")] if weights else []
    return Column(name, [view] * images, weighed, NAMES)


def drawn(images, columns):
    figure = Figure(layout="constrained")
    fill(figure, images, columns)
    figure.canvas.draw()
    return (
        figure,
        [axis for axis in figure.axes if axis.images],
        [axis for axis in figure.axes if not axis.images],
    )


def test_titles_and_bars():
    columns = [column("Add"), column("AFF", 0.45, 0.56), column("iAFF", 0.4, 0.5)]
    figure, cells, bars = drawn([picture("set 0", 0), picture("set 1", 1)], columns)
    assert len(cells) == 2 * (1 + 3 + 2)
    assert [cell.get_title() for cell in cells[6:]] == [
        *("set 1\ntrouser", "Add\ntrouser, 95 %", "AFF\ntrouser, 95 %", "iAFF\ntrouser, 95 %"),
        *("AFF\n0.45 to 0.56", "iAFF\n0.40 to 0.50"),
    ]
    assert "Grad-CAM" in bars[0].get_xlabel()
    assert bars[0].get_xlim() == (0, 1)
    said = " ".join(bars[1].get_xlabel().split())
    assert "weight of the body" in said and "stage 3, block 2 (features.4.1.attention)" in said
    assert bars[1].get_xlim() == pytest.approx((0.4, 0.6))  # of both networks, a half in the middle
    assert figure.get_suptitle()


def test_rows_and_columns_are_in_line():
    _, cells, _ = drawn([picture("a"), picture("b")], [column("AFF", 0.4, 0.6)])
    boxes = [cell.get_position() for cell in cells]
    for row in (boxes[:3], boxes[3:]):
        assert len({round(box.y0, 3) for box in row}) == 1
    for number in range(3):
        assert boxes[number].x0 == pytest.approx(boxes[number + 3].x0)


def test_a_network_that_adds_has_one_bar():
    _, cells, bars = drawn([picture("a")], [column("Add", images=1)])
    assert len(cells) == 2 and len(bars) == 1


def test_levels_stand_side_by_side():
    weights = {"a": np.array([[0.3, 0.5]]), "b": np.array([[0.5, 0.6]])}
    view = View(1, 0.25, np.array([[0.0, 1.0]]), weights, "probability")
    levels = [Weighed(block, "the lateral feature", f"level {block}") for block in "ab"]
    _, cells, bars = drawn([picture("x")], [Column("AFF", [view], levels, NAMES)])
    titles = [cell.get_title() for cell in cells[1:]]
    assert titles == [
        "AFF\ntrouser, 25 %",
        "AFF, level a\n0.30 to 0.50",
        "AFF, level b\n0.50 to 0.60",
    ]
    assert bars[0].get_xlabel() == "probability"
    assert "level a (a) or level b (b)" in " ".join(bars[1].get_xlabel().split())
    assert bars[1].get_xlim() == pytest.approx((0.3, 0.7))


def test_long_names_are_folded_and_formulas_are_none(tmp_path):
    long = Column(
        "m$x_$", column("", 0.4, 0.6).views, [Weighed(BLOCK, "the body")], ("", "ear $ " * 20)
    )
    _, cells, _ = drawn([picture("_a$"), picture("b")], [long])
    assert max(len(line) for cell in cells for line in cell.get_title().split("\n")) <= 40
    for name in "ab":
        draw([picture("_a$"), picture("b")], [long], str(tmp_path / f"{name}.png"))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "name, kwargs, places",
    [
        ("cifar_resnet14_askc", {}, [f"stage {s}, block {b}" for s in (1, 2, 3) for b in (1, 2)]),
        ("cifar_resnet8_askc", {"start_layer": 3}, ["stage 3, block 1"]),
        (
            "resnet50_v1b_askc",
            {},
            [f"stage {s}, block {b}" for s, n in ((3, 6), (4, 3)) for b in range(1, n + 1)],
        ),
        (
            "resnext50_32x4d_askc",
            {},
            [f"stage {s}, block {b}" for s, n in ((3, 6), (4, 3)) for b in range(1, n + 1)],
        ),
    ],
)
def test_stages(name, kwargs, places):
    net = aff.get_model(name, fusion="AFF", **kwargs)
    assert [stage_of(net, path) for path, _ in list_fusion_blocks(net)] == places
    assert stage_of(net, "output") == stage_of(net, "") == ""
