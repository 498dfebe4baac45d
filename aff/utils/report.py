"""What commands say of themselves: versions, and commands that a user can paste."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from importlib import metadata
from typing import Dict, Optional, Sequence

import numpy

from .. import __version__


def versions() -> Dict[str, str]:
    """Return the versions of what a result depends on."""
    import mxnet as mx  # a job's servers and scheduler import it last, and never come back

    return {
        "aff": __version__,
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "gluoncv": metadata.version("gluoncv"),
        "numpy": numpy.__version__,
        "platform": platform.platform(),
    }


def interpreter() -> str:
    """Return how a user would call this Python from here: ``python`` where that is it, else its
    shortest path.
    """
    found = shutil.which("python")
    if (
        found
        and os.path.samefile(found, sys.executable)
        and os.path.samefile(os.path.dirname(found), os.path.dirname(sys.executable))
    ):
        return "python"
    relative = os.path.relpath(sys.executable)
    return shlex.quote(sys.executable if relative.startswith("..") else relative)


def evaluate_command(params: str, imports: Sequence[str] = ()) -> str:
    """Return the command that evaluates a run's parameters, with the modules that it needs."""
    imported = [part for name in imports for part in ("--import", name)]
    return f"{interpreter()} -m aff evaluate {shlex.join([*imported, '--params', params])}"


def printable(text: str, longest: Optional[int] = None) -> str:
    """Return text from elsewhere on one line: what is no printable character, escaped, and the end
    cut where it is longer than `longest`.
    """
    clean = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
    return clean if longest is None or len(clean) <= longest else f"{clean[: longest - 3]}..."


def top5_says_something(classes: int) -> bool:
    """Tell whether the first five of so many classes can be wrong."""
    return classes > 5


def score(errors: Dict[str, float], classes: int, wrong_of: str = "") -> str:
    """Return errors of a network of so many classes as a phrase: ``top-1 error 1.39 %, top-5 error
    0.00 % (accuracy 98.61 %)``.
    """
    top5 = f", top-5 error {100 * errors['top5']:.2f} %" if top5_says_something(classes) else ""
    return (
        f"top-1 error {100 * errors['top1']:.2f} %{top5} "
        f"(accuracy {100 * (1 - errors['top1']):.2f} %{wrong_of})"
    )
