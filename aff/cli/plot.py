"""``aff plot``: training and validation curves of runs, over the authors' own."""

from __future__ import annotations

from typing import List, Optional

from ..paper.curves import list_references, read_curve, read_reference
from ..utils.errors import InputError
from ..utils.files import check_destination
from ..utils.values import nonempty
from ..viz.curve_figure import FORMATS, draw
from .common.parser import Parser

GROUP, HELP = "look", "training curves of runs, over the published ones"
DESCRIPTION = (
    "Draw curves over epochs: errors in training, validation and test, loss, "
    "learning rate and speed, of one or several logs."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "logs",
        metavar="LOG",
        nargs="*",
        type=nonempty,
        help="a run's log folder, its train.jsonl, or a text log of the authors' scripts",
    )
    parser.add_argument(
        "--reference",
        metavar="NAME",
        type=nonempty,
        action="append",
        default=[],
        help="an authors' curve, by the name of its file in logs/published/; may be given again",
    )
    parser.add_argument(
        "--out", type=nonempty, default="curves.png", help="the picture: .png, .svg or .pdf"
    )
    parser.add_argument("--title", default=None, help="of the picture")


def run(logs: List[str], reference: List[str], out: str, title: Optional[str]) -> int:
    """Draw curves into a picture."""
    if not logs and not reference:
        raise InputError(
            f"give a log, or --reference with one of: {', '.join(list_references()) or 'none here'}"
        )
    check_destination(out, FORMATS)
    curves = [read_curve(path) for path in logs]
    curves += [read_reference(name) for name in reference]
    draw(curves, out, title)
    for curve in curves:
        print(f"{curve.name}: {len(curve.rows)} epochs, {', '.join(curve.keys())}")
    print(f"wrote {out}")
    return 0
