"""The picture that ``aff cam`` draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from .cam import View
from .figures import figure, plain


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


@dataclass
class Column:
    """What a network made of the images.

    Parameters
    ----------
    name : str
        Of its fusion.
    views : list of View
        One for each image.
    block, weighs : str
        The fusion whose weight is drawn, and what that is the weight of; empty where there is none.
    class_names : sequence of str, optional
        A name for each class.
    """

    name: str
    views: List[View]
    block: str
    weighs: str
    class_names: Optional[Sequence[str]] = None

    def class_name(self, label: int) -> str:
        """Return what to call a class."""
        return self.class_names[label] if self.class_names else f"class {label}"

    @property
    def reach(self) -> float:
        """How far the drawn weights are from a half, at most."""
        return max(0.01, *(float(np.abs(v.weights[self.block] - 0.5).max()) for v in self.views))


def draw(images: Sequence[Picture], columns: Sequence[Column], path: str) -> None:
    """Draw a row for each image: itself, and for each network its Grad-CAM and its fusion's
    weight, red above a half and blue below, in colours that span the network's own range.
    """
    count = 1 + sum(2 if column.block else 1 for column in columns)
    with figure(path, len(images), count, (2.3, 2.6)) as (_, axes):
        for number, (row, image) in enumerate(zip(axes, images)):
            cells = iter(row)
            label = "" if image.label is None else f", {columns[0].class_name(image.label)}"
            _show(next(cells), image, f"{image.name}{label}")
            for column in columns:
                view = column.views[number]
                found = f"{column.class_name(view.target)}, {100 * view.probability:.0f} %"
                title = f"{column.name}\n{found}"
                _show(next(cells), image, title, view.cam, "jet")
                if column.block:
                    weight = view.weights[column.block]
                    title = (
                        f"{column.block}\nweight of {column.weighs} "
                        f"{weight.min():.2f} to {weight.max():.2f}"
                    )
                    limits = (0.5 - column.reach, 0.5 + column.reach)
                    _show(next(cells), image, title, weight, "coolwarm", limits)


def _show(
    axis,
    image: Picture,
    title: str,
    over: Optional[np.ndarray] = None,
    colours: str = "",
    limits: Tuple[float, float] = (0, 1),
):
    height, width = image.pixels.shape[:2]
    axis.imshow(image.pixels, extent=(0, width, height, 0))
    if over is not None:
        axis.imshow(
            over,
            colours,
            extent=(0, width, height, 0),
            alpha=0.5,
            interpolation="bilinear",
            vmin=limits[0],
            vmax=limits[1],
        )
    axis.set_title(plain(title), fontsize=7)
    axis.set_axis_off()
