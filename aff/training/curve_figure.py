"""The picture of training curves: of a run's history, and of several logs beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..utils.errors import InputError
from ..utils.figures import COLOURS, blank_figure, plain
from .curves import EVALUATED, Curve

FORMATS = ("png", "svg", "pdf")
PARTS = ("train", "val", "test")
STYLES = ("-", "--", ":")
#: Runs beyond the number of colours: the same colours again, with these marks.
MARKS = ("", "o", "s", "^", "v", "D")
#: From so many epochs on the last errors stand in a panel of their own, a fifth of the run.
LONG, LAST = 20, 0.2
#: Up to so many epochs each is a dot; of so many runs the best errors stand in the panel.
FEW, TOLD = 30, 4
#: Inches: of a panel, and of a line of the legend.
WIDTH, HEIGHT, LINE = 5.6, 3.3, 0.2
#: The ring round the best epoch, and what tells it from the lines.
BEST = "best"
RING: Dict[str, Any] = {"marker": "o", "markersize": 9, "fillstyle": "none", "linestyle": "none"}
#: Of the last epochs: first and last, smallest and greatest error.
Window = Tuple[int, int, float, float]


@dataclass(frozen=True)
class Panel:
    """One of the picture's panels.

    Parameters
    ----------
    label : str
        Of its axis, with the unit.
    figures : mapping of str to str
        A curve's figures, and the part that each is of.
    scale : float
        From a figure to the unit.
    zoomed : bool
        Whether it shows the last epochs alone.
    from_zero : bool
        Whether the axis begins at 0.
    """

    label: str
    figures: Mapping[str, str]
    scale: float = 1
    zoomed: bool = False
    from_zero: bool = False


_TOP1 = {f"{part}_top1": part for part in PARTS}
_MIOU = {f"{part}_miou": part for part in PARTS[1:]}
_PIXELS = {f"{part}_pixel_error": part for part in PARTS}
PANELS = (
    Panel("top-1 error (%)", _TOP1, 100),
    Panel("top-1 error (%), last epochs", _TOP1, 100, zoomed=True),
    Panel("top-5 error (%)", {f"{part}_top5": part for part in PARTS[1:]}, 100),
    Panel("mean IoU (%)", _MIOU, 100),
    Panel("mean IoU (%), last epochs", _MIOU, 100, zoomed=True),
    Panel("pixel error (%)", _PIXELS, 100),
    Panel("training loss", {"train_loss": "train"}),
    Panel("training RMSE (soft targets)", {"train_rmse": "train"}),
    Panel("learning rate", {"lr": "train"}, from_zero=True),
    Panel("training speed (images/s)", {"images_per_sec": "train"}, from_zero=True),
)


def panels(curves: Sequence[Curve]) -> List[Panel]:
    """Return the panels that there is something to see in; a top-5 error that is always 0 (of five
    classes or fewer) is none, nor are the last epochs of short runs.
    """
    return [panel for panel in PANELS if _says_something(panel, curves)]


def _says_something(panel: Panel, curves: Sequence[Curve]) -> bool:
    if panel.zoomed:
        return any(_window(curve, panel) for curve in curves)
    values = [value for curve in curves for key in panel.figures for value in curve.series(key)[1]]
    return any(values) if set(panel.figures.values()) == set(PARTS[1:]) else bool(values)


def _window(curve: Curve, panel: Panel) -> Optional[Window]:
    """Return the last epochs of a long run, first and last, and the range of its scores there."""
    first, last = min(curve.rows), max(curve.rows)
    start = last - int(LAST * (last - first))
    scores = [
        value
        for key, part in panel.figures.items()
        for epoch, value in zip(*curve.series(key))
        if epoch >= start and part in EVALUATED
    ]
    if len(curve.rows) < LONG or not scores:
        return None
    return start, last, min(scores), max(scores)


class Looks:
    """How lines are told from each other: the parts of a single run by colour; several runs by
    colour, and their parts by style, solid being the one that is reported.

    Parameters
    ----------
    curves : sequence of Curve
        What is drawn.
    """

    def __init__(self, curves: Sequence[Curve]):
        self.curves = curves
        keys = {**_TOP1, **_PIXELS}
        drawn = {part for key, part in keys.items() for curve in curves if curve.series(key)[0]}
        self.parts = [part for part in PARTS if part in drawn]
        self._styles = dict(zip(reversed(self.parts), STYLES))

    def of(self, number: int, part: str) -> Dict[str, Any]:
        """Return the look of a curve, by its number, and of one of its parts."""
        if len(self.curves) == 1:
            return {"color": COLOURS[PARTS.index(part)]}
        return {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": self._styles.get(part, "-"),
            "marker": MARKS[number // len(COLOURS) % len(MARKS)],
            "markersize": 4,
        }

    def legend(self) -> List[Tuple[Dict[str, Any], str]]:
        """Return what stands below the picture: looks, and what they mean."""
        texts = [best_text(curve) for curve in self.curves]
        if len(self.curves) == 1:
            best = self.curves[0].best()
            return [
                (self.of(0, part), f"{part}: {texts[0]}" if best and part == best.part else part)
                for part in self.parts or PARTS[:1]
            ]
        runs = [
            ({**self.of(number, ""), "linestyle": "-"}, f"{curve.name}: {text}".rstrip(": "))
            for number, (curve, text) in enumerate(zip(self.curves, texts))
        ]
        if len(self.parts) == 1:
            return runs
        return runs + [
            ({"color": "0.3", "linestyle": self._styles[part]}, part) for part in self.parts
        ]


def draw(curves: Sequence[Curve], path: str, title: Optional[str] = None) -> None:
    """Draw curves into a file, in the format that its name ends in; without a title, that of the
    only curve.

    Raises
    ------
    InputError
        Where the curves hold no figure.
    """
    shown = panels(curves)
    if not shown:
        raise InputError(f"{', '.join(curve.name for curve in curves)}: no figure to draw")
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    lines = len(Looks(curves).legend()) if len(curves) > 1 else 1
    height = HEIGHT * rows + LINE * (2 + lines)
    with blank_figure(path, WIDTH * columns, height) as figure:
        fill(figure, curves, shown, columns)
        title = title or (curves[0].title or curves[0].name if len(curves) == 1 else "")
        if title:
            figure.suptitle(plain(title), fontweight="bold")


def fill(figure: Any, curves: Sequence[Curve], shown: Sequence[Panel], columns: int) -> None:
    """Draw panels into a figure, so many beside each other (of an odd number the first is wide),
    and a legend below them.
    """
    from matplotlib.lines import Line2D

    looks = Looks(curves)
    wide = len(shown) % columns
    grid = figure.add_gridspec(-(-len(shown) // columns), columns)
    for number, panel in enumerate(shown):
        row, column = divmod(number + wide if number else 0, columns)
        place = grid[0, :] if wide and not number else grid[row, column]
        axis = figure.add_subplot(place)
        _draw_panel(axis, panel, looks)
        last = panel.zoomed or not any(
            other.zoomed for other in shown if other.figures is panel.figures
        )
        _mark_best(axis, panel, looks, told=last and len(curves) <= TOLD)
    entries = looks.legend()
    figure.legend(
        [Line2D([], [], **look) for look, _ in entries],
        [plain(label) for _, label in entries],
        loc="outside lower center",
        ncols=len(entries) if len(curves) == 1 else 1,
        fontsize="small",
        frameon=False,
    )


def _draw_panel(axis: Any, panel: Panel, looks: Looks) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, curve in enumerate(looks.curves):
        for key, part in panel.figures.items():
            epochs, values = curve.series(key)
            if not epochs:
                continue
            look = {**looks.of(number, part), "linewidth": 1.3, "markevery": 0.1}
            if len(panel.figures) == 1:
                look["linestyle"] = "-"
            if len(epochs) <= FEW:
                look.update(marker="o", markersize=3, markevery=1)
            label = plain(f"{curve.name} {part}")
            axis.plot(epochs, [panel.scale * value for value in values], label=label, **look)
            epochs, *ends = curve.band(key)
            lows, highs = ([panel.scale * value for value in end] for end in ends)
            axis.fill_between(epochs, lows, highs, color=look["color"], alpha=0.15, linewidth=0)
    if panel.zoomed:
        windows = [_window(curve, panel) for curve in looks.curves]
        _zoom(axis, [window for window in windows if window])
    if panel.from_zero:
        axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axis.set_xlabel("epoch")
    axis.set_ylabel(panel.label)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def _mark_best(axis: Any, panel: Panel, looks: Looks, told: bool) -> None:
    """Draw a ring round each run's best epoch, and its score above it where that is `told`, into
    the panels of what chose it.
    """
    for number, curve in enumerate(looks.curves):
        best = curve.best()
        if not best or best.key not in panel.figures:
            continue
        place, colour = (best.epoch, 100 * best.score), looks.of(number, best.part)["color"]
        axis.plot(*([value] for value in place), gid=BEST, color=colour, **RING)
        if told:
            axis.margins(y=0.12)
            axis.annotate(
                f"{place[1]:.2f} %",
                place,
                (0, -16),
                textcoords="offset points",
                horizontalalignment="center",
                color=colour,
                annotation_clip=True,
            )


def _zoom(axis: Any, windows: Sequence[Window]) -> None:
    """Show the last epochs of all long runs, and the range of their errors there."""
    starts, lasts, lows, highs = zip(*windows)
    low, high = 100 * min(lows), 100 * max(highs)
    margin = max(0.05 * (high - low), 0.1)
    axis.set_xlim(min(starts) - 0.5, max(lasts) + 0.5)
    axis.set_ylim(low - 3 * margin, high + margin)


def best_text(curve: Curve) -> str:
    """Return a curve's best error and its epoch as text, empty where it has none."""
    best = curve.best()
    if not best:
        return ""
    chosen = "best" if best.chooser == best.part else f"chosen by {best.chooser}"
    return f"{100 * best.score:.2f} % at epoch {best.epoch} ({chosen})"
