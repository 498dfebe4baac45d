"""What the commands that draw share: `--out`, and figures."""

from __future__ import annotations

import os
from typing import Sequence

from ..utils.errors import InputError
from ..utils.figures import DOTS_PER_INCH, figure, plain

__all__ = ["DOTS_PER_INCH", "check_out", "figure", "plain"]


def check_out(path: str, formats: Sequence[str]) -> None:
    """Refuse a picture's name before anything is drawn.

    Raises
    ------
    InputError
        Where it does not end in one of `formats`, or nothing can be written there.
    """
    folder = os.path.dirname(path) or "."
    if os.path.splitext(path)[1][1:].lower() not in formats:
        endings = " or ".join(f".{name}" for name in formats)
        raise InputError(f"{{out}} {path}: the picture's name ends in {endings}")
    if not os.path.isdir(folder):
        raise InputError(f"{{out}} {path}: there is no folder {folder}: make it first")
    if os.path.isdir(path):
        raise InputError(f"{{out}} {path}: is a folder: name a file")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{{out}} {path}: {folder} cannot be written to: name another folder")
