"""What the commands that draw share: `--out`, and figures that are saved whole or not at all."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator, Optional, Tuple

from ..utils.files import replacing

DOTS_PER_INCH = 110


@contextlib.contextmanager
def figure(
    path: str,
    rows: int,
    columns: int,
    size: Tuple[float, float],
    layout: Optional[str] = "constrained",
) -> Iterator:
    """Yield a figure and its axes, (rows, columns), which is saved as `path` when all is drawn;
    `size` is the width and height of one of them, in inches. Many axes take matplotlib's
    constrained layout long: None leaves it to the caller.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(size[0] * columns, size[1] * rows),
        squeeze=False,
        layout=layout,
    )
    try:
        yield drawn, axes
        with replacing(path) as temporary:
            drawn.savefig(temporary, format=os.path.splitext(path)[1][1:], dpi=DOTS_PER_INCH)
    finally:
        pyplot.close(drawn)


def plain(text: str) -> str:
    """Return text as it is, in a picture: without matplotlib's formulas and hidden labels."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
