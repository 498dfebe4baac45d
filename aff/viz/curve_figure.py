"""The picture of training curves that ``aff plot`` draws."""

from __future__ import annotations

from typing import Dict, List, Optional, Protocol, Sequence, Tuple

from ..utils.errors import InputError
from .figures import figure, plain

FORMATS = ("png", "svg", "pdf")
#: Panels, top to bottom and left to right: title, and figures with what follows a curve's name.
PANELS = (
    ("top-1 error", {"train_value": "train", "val_top1": "val", "test_top1": "test"}),
    ("top-5 error", {"val_top5": "val", "test_top5": "test"}),
    ("train loss", {"train_loss": ""}),
    ("learning rate", {"lr": ""}),
    ("images/s", {"images_per_sec": ""}),
)
STYLES = {"train": ":", "val": "-", "test": "--", "": "-"}


class Drawable(Protocol):
    """A curve: its name, what ``train_value`` is, and its figures by epoch."""

    name: str
    train_metric: str

    def series(self, key: str) -> Tuple[List[int], List[float]]:
        """Return epochs and values of a figure, where there are any."""


def is_error(curve: Drawable, key: str) -> bool:
    """Tell whether a figure belongs to the panel of top-1 errors (an RMSE of soft targets does
    not).
    """
    return key != "train_value" or curve.train_metric in ("top1_error", "accuracy")


def values(curve: Drawable, key: str):
    """Return epochs and values of a figure, accuracies as errors."""
    epochs, found = curve.series(key)
    if key == "train_value" and curve.train_metric == "accuracy":
        found = [1 - value for value in found]
    return epochs, found


def panels(curves: Sequence[Drawable]) -> List[tuple]:
    """Return the panels that there is something to draw in."""
    shown = []
    for title, figures in PANELS:
        drawn: Dict[str, str] = {
            key: part
            for key, part in figures.items()
            if any(curve.series(key)[0] and is_error(curve, key) for curve in curves)
        }
        if drawn:
            shown.append((title, drawn))
    return shown


def draw(curves: Sequence[Drawable], path: str, title: Optional[str] = None) -> None:
    """Draw curves into a file, in the format that its name ends in."""
    shown = panels(curves)
    if not shown:
        raise InputError(f"{', '.join(curve.name for curve in curves)}: no figure to draw")
    columns = min(2, len(shown))
    with figure(path, -(-len(shown) // columns), columns, (6.4, 3.6)) as (drawn, axes):
        for axis, (name, figures) in zip(axes.flat, shown):
            for number, curve in enumerate(curves):
                for key, part in figures.items():
                    if not is_error(curve, key):
                        continue
                    epochs, found = values(curve, key)
                    if epochs:
                        label = plain(f"{curve.name} {part}".strip())
                        axis.plot(epochs, found, STYLES[part], color=f"C{number}", label=label)
            axis.set_xlabel("epoch")
            axis.set_title(name)
            axis.grid(alpha=0.3)
            axis.legend(fontsize="small")
        for axis in axes.flat[len(shown) :]:
            axis.remove()
        if title:
            drawn.suptitle(plain(title))
