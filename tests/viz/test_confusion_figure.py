"""Pictures of confusion matrices: of few classes, of more, of very many."""

import re

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aff.training.analysis import Predictions
from aff.viz.confusion_figure import draw, summed_up


def predictions(classes, images, used=None):
    """Made-up predictions; labels and what they are taken for are below `used`."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, used or classes, images)
    logits = np.full((images, classes), -9, np.float32)
    logits[:, : used or classes] = rng.normal(size=(images, used or classes))
    logits[np.arange(images), labels] += 1
    return Predictions.from_logits(logits, labels)


def texts(found, classes, names, path):
    """What stands in a picture."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw(found.confusion(classes), found.confused(), names, str(path), "the $title$")
    return re.findall(r"<text [^>]*>([^<]+)</text>", path.read_text(encoding="utf-8"))


def test_what_is_counted_is_said(tmp_path):
    found = predictions(150, 5000)
    counts, names = found.confusion(150), [str(i) for i in range(150)]
    for unit in ("images", "pixels"):
        path = tmp_path / f"{unit}.svg"
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            draw(counts, found.confused(), names, str(path), "the title", unit)
        assert re.findall("images|pixels", path.read_text(encoding="utf-8")) == [unit] * 2


def test_letters_that_no_font_has_are_told_in_one_line(tmp_path, capsys, recwarn):
    found = predictions(3, 100)
    names = ["\U00016a40", "b", "c"]  # of a script that hardly a font has
    draw(found.confusion(3), found.confused(), names, str(tmp_path / "it.png"), "the title")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"{tmp_path / 'it.png'}: no font here has")
    assert not recwarn.list


def test_counts_and_names_of_few_classes(tmp_path):
    found = predictions(10, 400)
    names = [f"name {i}" for i in range(10)]
    said = texts(found, 10, names, tmp_path / "it.svg")
    counts = found.confusion(10)
    assert sorted(text for text in said if text.isdigit()) == sorted(
        str(count) for count in counts[counts > 0]
    )
    assert all(said.count(name) == 2 for name in names)
    assert "the $title$" in said


def test_names_of_a_hundred_classes_without_counts(tmp_path):
    names = [f"name {i}" for i in range(100)]
    said = texts(predictions(100, 3000), 100, names, tmp_path / "it.svg")
    assert all(said.count(name) == 2 for name in names)
    assert not [text for text in said if text.isdigit()]


def test_classes_that_do_not_occur_are_left_out(tmp_path):
    names = [f"name {i}" for i in range(100)]
    said = texts(predictions(100, 300, used=4), 100, names, tmp_path / "it.svg")
    assert sorted({text for text in said if text.startswith("name")}) == names[:4]


def test_the_worst_pairs_of_a_thousand_classes(tmp_path):
    found = predictions(1000, 3000)
    names = [f"a name {i} that is much too long for it" for i in range(1000)]
    said = texts(found, 1000, names, tmp_path / "it.svg")
    worst = found.confused()[0]
    pair = [f"{names[label][:21]}..." for label in (worst.label, worst.predicted)]
    assert " → ".join(pair) in said
    assert len([text for text in said if "→" in text and "..." in text]) == 30
    assert any("4 x 4" in text for text in said)


@pytest.mark.parametrize("classes", [1, 2, 130])
def test_small_pictures_and_faultless_ones(tmp_path, classes):
    counts = 3 * np.eye(classes, dtype=int)
    draw(counts, [], ["_$x"] * classes, str(tmp_path / "it.png"), "a title " * 30)
    with Image.open(tmp_path / "it.png") as image:
        assert image.format == "PNG" and min(image.size) > 300
    assert [path.name for path in tmp_path.iterdir()] == ["it.png"]


@given(st.integers(1, 40), st.integers(1, 12))
def test_neighbours_are_summed_up(classes, cells):
    counts = np.random.default_rng(classes).integers(0, 9, (classes, classes))
    found, width = summed_up(counts, cells)
    side = -(-classes // width)
    padded = np.zeros((side * width, side * width), int)
    padded[:classes, :classes] = counts
    expected = padded.reshape(side, width, side, width).sum(axis=(1, 3))
    np.testing.assert_array_equal(found, expected)
    assert side <= cells
