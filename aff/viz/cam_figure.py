"""The picture that ``aff cam`` draws."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ..utils.figures import blank_figure, plain
from .cam import View

#: matplotlib's colours: even steps of brightness; from orange to purple, which colour-blind readers
#: tell apart.
HEAT, PREFERENCE = "inferno", "PuOr_r"
#: How much of a map's colour lies over the image.
OPACITY = 0.6
#: Inches: of a cell, and of what stands above and below all of them.
CELL, AROUND = (1.75, 2.1), (0.3, 1.35)
SMALL = 7.5
#: Of that size as wide as a cell.
LETTERS = 30


@dataclass
class Picture:
    """An image as people and as the network see it.

    Parameters
    ----------
    name : str
        What to call it.
    pixels : numpy.ndarray
        (H, W, 3) uint8.
    data : numpy.ndarray
        (3, H, W) float32, normalised.
    label : int, optional
        Its class, where that is known.
    """

    name: str
    pixels: np.ndarray
    data: np.ndarray
    label: Optional[int] = None


@dataclass(frozen=True)
class Weighed:
    """A fusion whose weight is drawn.

    Parameters
    ----------
    block, weighs : str
        Its structural name, and what its weight is the weight of.
    stage : str, default ''
        Where in the network it is, as in ``stage 3, block 2``.
    """

    block: str
    weighs: str
    stage: str = ""

    def reach(self, views: Sequence[View]) -> float:
        """Return how far its weights are from a half, at most."""
        return max(0.01, *(float(np.abs(v.weights[self.block] - 0.5).max()) for v in views))

    def __str__(self) -> str:
        return f"{self.stage} ({self.block})" if self.stage else self.block


@dataclass
class Column:
    """What a network made of the images.

    Parameters
    ----------
    name : str
        Of its fusion, as the paper calls it, or more where networks have one fusion.
    views : list of View
        One for each image.
    weighed : list of Weighed
        The fusions whose weights are drawn.
    class_names : sequence of str, optional
        A name for each class.
    """

    name: str
    views: List[View]
    weighed: List[Weighed]
    class_names: Optional[Sequence[str]] = None

    def class_name(self, label: int) -> str:
        """Return what to call a class."""
        return self.class_names[label] if self.class_names else f"class {label}"


def draw(images: Sequence[Picture], columns: Sequence[Column], path: str) -> None:
    """Draw a row for each image: itself, each network's Grad-CAM, and each fusion's weight.

    The colours of weights are those of all networks: a half is white, and what is farthest from it
    at the end of the bar.
    """
    cells = 1 + len(columns) + len(_weighing(columns))
    size = (CELL[0] * max(cells, 2) + AROUND[0], CELL[1] * len(images) + AROUND[1])
    with blank_figure(path, *size) as figure:
        fill(figure, images, columns)


def _weighing(columns: Sequence[Column]) -> List[Tuple[Column, Weighed]]:
    return [(column, fusion) for column in columns for fusion in column.weighed]


def fill(figure: Any, images: Sequence[Picture], columns: Sequence[Column]) -> None:
    """Draw the images' rows into a figure, the bars of colours, and what they mean."""
    weighing = _weighing(columns)
    reach = max((fusion.reach(column.views) for column, fusion in weighing), default=0)
    limits = (0.5 - reach, 0.5 + reach)
    ends = (1, 1 + len(columns), 1 + len(columns) + len(weighing))
    grid = figure.add_gridspec(len(images) + 1, ends[-1], height_ratios=[1] * len(images) + [0.06])
    for number, image in enumerate(images):
        row = [figure.add_subplot(grid[number, place]) for place in range(ends[-1])]
        label = "" if image.label is None else f"\n{columns[0].class_name(image.label)}"
        _show(row[0], image, f"{image.name}{label}")
        for axis, column in zip(row[1:], columns):
            view = column.views[number]
            found = f"{column.class_name(view.target)}, {100 * view.probability:.0f} %"
            heat = _show(axis, image, f"{column.name}\n{found}", view.cam, HEAT)
        for axis, (column, fusion) in zip(row[1 + len(columns) :], weighing):
            weight = column.views[number].weights[fusion.block]
            whose = f"{column.name}, {fusion.stage}" if len(column.weighed) > 1 else column.name
            title = f"{whose}\n{weight.min():.2f} to {weight.max():.2f}"
            preference = _show(axis, image, title, weight, PREFERENCE, limits)
    bars = [(heat, " or ".join(dict.fromkeys(column.views[0].shows for column in columns)))]
    if weighing:
        bars.append((preference, _meaning([fusion for _, fusion in weighing])))
    for shown, text, start, end in ((*bar, *span) for bar, span in zip(bars, zip(ends, ends[1:]))):
        _draw_bar(figure, grid[-1, start:end], shown, text, end - start)
    looking, preferring = (
        ("the network looks", "its fusion prefers")
        if len(columns) == 1
        else ("the networks look", "their fusions prefer")
    )
    title = f"Where {looking}" + (f", and what {preferring}" if weighing else "")
    figure.suptitle(title, fontsize="medium", fontweight="bold")


def _meaning(weighed: Sequence[Weighed]) -> str:
    """Return what the weights are the weights of, and where their fusions are."""
    what = " or ".join(dict.fromkeys(fusion.weighs for fusion in weighed))
    where = " or ".join(dict.fromkeys(map(str, weighed)))
    return f"weight of {what}, mean over channels: fusion of {where}"


def _draw_bar(figure: Any, place: Any, shown: Any, text: str, cells: int) -> None:
    """Draw a bar of colours as wide as so many cells, and what it means below."""
    from matplotlib.ticker import MaxNLocator

    bar = figure.colorbar(shown, cax=figure.add_subplot(place), orientation="horizontal")
    bar.set_label(plain(_folded(text, cells)), fontsize=SMALL)
    bar.locator = MaxNLocator(2 + 2 * min(cells, 3), steps=[1, 2, 5, 10])
    bar.ax.tick_params(labelsize=SMALL)
    bar.solids.set_alpha(1)


def _folded(text: str, cells: int = 1) -> str:
    """Return text in lines that fit above or below so many cells."""
    return "\n".join(textwrap.fill(line, LETTERS * cells) for line in text.split("\n"))


def _show(
    axis: Any,
    image: Picture,
    title: str,
    over: Optional[np.ndarray] = None,
    colours: str = "",
    limits: Tuple[float, float] = (0, 1),
) -> Any:
    """Draw an image, and a map over it in grey; gives what a bar of colours is made of."""
    height, width = image.pixels.shape[:2]
    place = {"extent": (0, width, height, 0)}
    axis.set_title(plain(_folded(title)), fontsize=SMALL)
    axis.set_axis_off()
    if over is None:
        return axis.imshow(image.pixels, **place)
    axis.imshow(image.pixels.mean(axis=2), "gray", vmin=0, vmax=255, **place)
    return axis.imshow(
        over,
        colours,
        alpha=OPACITY,
        interpolation="bilinear",
        vmin=limits[0],
        vmax=limits[1],
        **place,
    )
