"""The picture of a confusion matrix that ``aff evaluate --confusion`` draws."""

from __future__ import annotations

import math
import textwrap
from typing import Sequence, Tuple

import numpy as np

from ..training.analysis import Confusion
from ..utils.figures import figure, plain
from ..utils.report import printable

#: Up to so many classes counts are written into the cells, and up to so many names at the sides.
COUNTED, NAMED = 20, 120
#: Most cells of a side that can be told from each other where there are more classes.
CELLS = 250
#: Confused pairs of classes that are listed beside a matrix without names.
PAIRS = 30
LONGEST = 24
#: Inches of a side of the matrix that has no names, and the count that would be white in it.
SIDE, FAINTEST = 7.2, 0.2


def draw(
    counts: np.ndarray,
    confused: Sequence[Confusion],
    names: Sequence[str],
    path: str,
    title: str,
    unit: str = "images",
) -> None:
    """Draw a confusion matrix.

    Up to 120 classes stand at the sides by name, up to 20 with the counts in the cells; colours are
    shares of each row's images, the faint ones brought out by a root; classes that no image has and
    that none was taken for are left out. Of more classes neighbouring ones are summed up in one
    cell, in logarithmic colours and in the order of their labels, which in ImageNet brings related
    classes together; the pairs that are confused most stand beside the matrix by name.

    Parameters
    ----------
    counts : numpy.ndarray
        (classes, classes) images, or what `unit` says; rows are labels, columns what they were
        taken for.
    confused : sequence of Confusion
        Its cells off the diagonal, the greatest first.
    names : sequence of str
        Of the classes.
    path : str
        The file; its ending is the format.
    title : str
        Stands above.
    unit : str, default 'images'
        What is counted.
    """
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    if len(used) > NAMED:
        _draw_many(counts, confused[:PAIRS], names, path, title, unit)
    else:
        _draw_named(counts[np.ix_(used, used)], [names[label] for label in used], path, title)


def _draw_named(counts: np.ndarray, names: Sequence[str], path: str, title: str) -> None:
    used = [_label(name) for name in names]
    counted = len(used) <= COUNTED
    side = max(4.5, 2.2 + (0.5 if counted else 0.13) * len(used))
    font = 8 if counted else 6.5
    with figure(path, 1, 1, (side, side)) as (drawn, axes):
        axis = axes[0, 0]
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axis.imshow(np.sqrt(shares), "Blues", vmin=0, vmax=1)
        ticks = range(len(used))
        axis.set_xticks(ticks, used, rotation=90, fontsize=font)
        axis.set_yticks(ticks, used, fontsize=font)
        axis.set_xlabel("predicted")
        axis.set_ylabel("true")
        drawn.suptitle(_heading(title, side), fontsize=9)
        axis.tick_params(length=0 if counted else 1.5)
        if counted:
            for row, column in zip(*np.nonzero(counts)):
                dark = shares[row, column] > 0.3
                axis.text(
                    *(column, row, f"{counts[row, column]}"),
                    **{"ha": "center", "va": "center", "fontsize": 7},
                    color="white" if dark else "black",
                )


def _draw_many(
    counts: np.ndarray,
    confused: Sequence[Confusion],
    names: Sequence[str],
    path: str,
    title: str,
    unit: str,
) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import MaxNLocator

    cells, width = summed_up(counts, CELLS)
    classes = len(counts)
    with figure(path, 1, 2, (SIDE, SIDE)) as (drawn, axes):
        matrix, pairs = axes[0]
        image = matrix.imshow(
            np.ma.masked_equal(cells, 0),
            "Blues",
            norm=LogNorm(FAINTEST, cells.max()),
            extent=(0, width * len(cells), width * len(cells), 0),
            interpolation="nearest",
        )
        bar = drawn.colorbar(image, ax=matrix, label=unit, shrink=0.6)
        bar.ax.set_ylim(bottom=1)
        matrix.set_xlabel("predicted, by number of the class")
        matrix.set_ylabel("true")
        joined = f", {width} x {width} of them a cell" if width > 1 else ""
        drawn.suptitle(_heading(title, 2 * SIDE), fontsize=9)
        matrix.set_title(f"{classes} classes{joined}", fontsize=9)
        ticks = range(len(confused))
        pairs.barh(ticks, [pair.images for pair in confused], color="C0")
        labels = [
            f"{_label(names[pair.label])} → {_label(names[pair.predicted])}" for pair in confused
        ]
        pairs.set_yticks(ticks, labels, fontsize=8)
        pairs.invert_yaxis()
        pairs.xaxis.set_major_locator(MaxNLocator(integer=True))
        pairs.set_xlabel(unit)
        pairs.set_title("confused most: true → predicted", fontsize=9)


def summed_up(counts: np.ndarray, cells: int) -> Tuple[np.ndarray, int]:
    """Return a square matrix summed up over squares of neighbours, at most `cells` a side, and
    the width of these squares.
    """
    width = math.ceil(len(counts) / cells)
    starts = np.arange(0, len(counts), width)
    return np.add.reduceat(np.add.reduceat(counts, starts, axis=0), starts, axis=1), width


def _heading(text: str, inches: float) -> str:
    """Return text in lines that fit over so many inches, in the size of the titles."""
    return "\n".join(map(plain, textwrap.wrap(text, round(13 * inches))))


def _label(name: str) -> str:
    return plain(printable(name, LONGEST))
