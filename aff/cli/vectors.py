"""``aff vectors``: golden vectors of the fusions, for implementations in other frameworks."""

from __future__ import annotations

from ..export.vectors import write_vectors
from ..utils.values import nonempty
from .common.parser import Parser

GROUP, HELP = "export", "golden vectors to hold other implementations of the fusions against"
DESCRIPTION = (
    "Write inputs, parameters, outputs and gradients of every fusion and of MS-CAM, in inference "
    "and in training, computed in float64 from the formulas: a NumPy .npz file each, for any "
    "framework. docs/conformance.md says how to use them."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument("folder", metavar="DIR", type=nonempty, help="where the files go")


def run(folder: str) -> int:
    """Write the vectors."""
    paths = write_vectors(folder)
    print(f"wrote {len(paths)} files: {', '.join(paths)}")
    return 0
