"""``aff check``: whether a run's files are whole, and what it could go on from."""

from __future__ import annotations

from ..training.run_check import check_run
from ..utils.errors import InputError
from ..utils.lock import holder_of
from ..utils.values import nonempty
from .common.parser import Parser

GROUP, HELP = "train", "whether a run's files are whole, and what it could go on from"
DESCRIPTION = (
    "Check the files of a run: the sums of its checkpoints and of its best parameters, their "
    "states and steps, its log. What is damaged is named, and the exit code is then 2."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's argument."""
    parser.add_argument(
        "folder", metavar="RUN", type=nonempty, help="folder of a run's parameters, params/<run>"
    )


def run(folder: str) -> int:
    """Check a run."""
    holder = holder_of(folder)
    if holder:
        print(f"{holder} is writing there: this is how it stands now")
    found = check_run(folder)
    for part in found.parts:
        print(f"damaged  {part.damage}" if part.damage else f"whole    {part.name}  {part.said}")
    done, last = found.epochs
    way_out = (
        f"--resume {found.checkpoint} goes on after {done} of {last} epochs"
        if found.checkpoint
        else "there is no checkpoint to go on from"
    )
    if found.damaged:
        count = f"{len(found.damaged)} of {len(found.parts)} parts damaged"
        raise InputError(f"{folder}: {count}: {found.damaged[0].damage}; {way_out}")
    print(f"done: {done} epochs" if last and done >= last else way_out)
    return 0
