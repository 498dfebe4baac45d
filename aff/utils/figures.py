"""Figures that are saved whole or not at all. matplotlib is imported when the first is drawn."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import Any, Dict, Iterator, Literal, Optional, Tuple

from .files import replacing
from .report import printable

DOTS_PER_INCH = 110
#: The colours of Okabe and Ito (2008), which colour-blind readers can tell apart; yellow, which is
#: pale on white, is left out, and a grey is there for it.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
#: matplotlib's own font, and what is asked for letters that it has not: Chinese, Japanese, Korean.
FONTS = (
    *("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
)
#: What would make two files of one figure differ: the time, and matplotlib's version.
_UNDATED: Dict[str, Dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextlib.contextmanager
def blank_figure(
    path: str, width: float, height: float, layout: Optional[Literal["constrained"]] = "constrained"
) -> Iterator:
    """Yield a figure of this size in inches, which is saved as `path`, in the format that its name
    ends in, when all is drawn. The same figure gives the same file. A notebook's own figures and
    backend are left alone. Many axes take matplotlib's constrained layout long: None leaves it to
    the caller.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    fonts = [name for name in FONTS if name in installed]
    with matplotlib.rc_context({"svg.hashsalt": "aff", "font.family": fonts}):
        drawn = Figure(figsize=(width, height), layout=layout)
        yield drawn
        ending = os.path.splitext(path)[1][1:].lower()
        with replacing(path) as temporary, _telling_of_letters(path):
            drawn.savefig(temporary, format=ending, dpi=DOTS_PER_INCH, metadata=_UNDATED[ending])


@contextlib.contextmanager
def _telling_of_letters(path: str) -> Iterator[None]:
    """Say in one line, once, where a picture lacks letters that no font here has."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
    lacking = [one for one in told if str(one.message).startswith("Glyph ")]
    if lacking:
        print(
            f"{path}: no font here has all of its letters; the package fonts-noto-cjk has those of "
            "Chinese, Japanese and Korean",
            file=sys.stderr,
        )
    for one in told:
        if one not in lacking:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


@contextlib.contextmanager
def figure(
    path: str,
    rows: int,
    columns: int,
    size: Tuple[float, float],
    layout: Optional[Literal["constrained"]] = "constrained",
) -> Iterator:
    """Yield a figure and its axes, (rows, columns), which is saved as `path` when all is drawn;
    `size` is the width and height of one of them, in inches.
    """
    with blank_figure(path, size[0] * columns, size[1] * rows, layout) as drawn:
        yield drawn, drawn.subplots(rows, columns, squeeze=False)


def plain(text: str) -> str:
    """Return text as it is, in a picture: without matplotlib's formulas and hidden labels."""
    text = "\n".join(map(printable, text.split("\n"))).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
