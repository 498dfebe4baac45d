"""``aff plot``: training and validation curves of runs, over the authors' own."""

from __future__ import annotations

import argparse
from typing import Dict, List, Optional, Sequence

from ..paper.curves import Curve, list_references, read_curve, read_reference
from ..utils.errors import InputError
from ..viz.figures import check_out, figure, plain
from .common.arguments import Parser, guarded, named

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


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Draw curves over epochs: errors in training, validation and test, loss, "
        "learning rate and speed, of one or several logs.",
    )
    parser.add_argument(
        "logs",
        metavar="LOG",
        nargs="*",
        type=named,
        help="a run's log folder, its train.jsonl, or a text log of the authors' scripts",
    )
    parser.add_argument(
        "--reference",
        metavar="NAME",
        type=named,
        action="append",
        default=[],
        help="an authors' curve, by the name of its file in logs/published/; may be given again",
    )
    parser.add_argument(
        "--out", type=named, default="curves.png", help="the picture: .png, .svg or .pdf"
    )
    parser.add_argument("--title", default=None, help="of the picture")
    return parser


def is_error(curve: Curve, key: str) -> bool:
    """Whether a figure belongs to the panel of top-1 errors (an RMSE of soft targets does not)."""
    return key != "train_value" or curve.train_metric in ("top1_error", "accuracy")


def values(curve: Curve, key: str):
    """Epochs and values of a figure, accuracies as errors."""
    epochs, found = curve.series(key)
    if key == "train_value" and curve.train_metric == "accuracy":
        found = [1 - value for value in found]
    return epochs, found


def panels(curves: Sequence[Curve]) -> List[tuple]:
    """The panels that there is something to draw in."""
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


def draw(curves: Sequence[Curve], path: str, title: Optional[str] = None) -> None:
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


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    if not options.logs and not options.reference:
        raise InputError(
            f"give a log, or --reference with one of: {', '.join(list_references()) or 'none here'}"
        )
    check_out(options.out, FORMATS)
    curves = [read_curve(path) for path in options.logs]
    curves += [read_reference(name) for name in options.reference]
    draw(curves, options.out, options.title)
    for curve in curves:
        print(f"{curve.name}: {len(curve.rows)} epochs, {', '.join(curve.keys())}")
    print(f"wrote {options.out}")
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff plot") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
