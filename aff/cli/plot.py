"""``aff plot``: training and validation curves of runs, over the authors' own."""

from __future__ import annotations

from typing import List, Optional

from ..paper.curves import list_references, mean_over_seeds, read_curves, read_reference
from ..training.curve_figure import FORMATS, best_text, draw
from ..utils.errors import InputError
from ..utils.files import check_destination
from ..utils.values import nonempty
from .common.parser import Parser

GROUP, HELP = "look", "training curves of runs, over the published ones"
DESCRIPTION = (
    "Draw curves over epochs: errors in training, validation and test, loss, "
    "learning rate and speed, of one or several logs. A ring marks each run's best epoch; the last "
    "fifth of long runs has a panel of its own."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "logs",
        metavar="LOG",
        nargs="*",
        type=nonempty,
        help="a run's log folder, its train.jsonl or train.log, or a text log of the authors' "
        "scripts",
    )
    parser.add_argument(
        "--reference",
        metavar="NAME",
        type=nonempty,
        action="append",
        default=[],
        help="an authors' curve, by the name of its log, as in aff_resnet50; may be given again",
    )
    parser.add_argument(
        "--seeds",
        action="store_true",
        help="runs whose names differ by their seed alone (NAME-seed0, ...) are one curve: their "
        "mean, with a band from the least to the greatest",
    )
    parser.add_argument(
        "--out", type=nonempty, default="curves.png", help="the picture: .png, .svg or .pdf"
    )
    parser.add_argument(
        "--title", default=None, help="of the picture (default: what the only log is of)"
    )


def run(logs: List[str], reference: List[str], seeds: bool, out: str, title: Optional[str]) -> int:
    """Draw curves into a picture."""
    if not logs and not reference:
        raise InputError(
            f"give a log, or --reference with one of: {', '.join(list_references()) or 'none here'}"
        )
    check_destination(out, FORMATS)
    curves = mean_over_seeds(read_curves(logs)) if seeds else read_curves(logs)
    curves += [read_reference(name) for name in reference]
    draw(curves, out, title)
    for curve in curves:
        epochs = f"{len(curve.rows)} epoch{'s' if len(curve.rows) > 1 else ''}"
        best = best_text(curve)
        print(f"{curve.name}: {epochs}" + (f", {curve.kept.title} {best}" if best else ""))
    print(f"wrote {out}")
    return 0
