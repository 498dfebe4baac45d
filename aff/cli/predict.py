"""``aff predict``: what images show, by any trained network."""

from __future__ import annotations

import csv
import json
import os
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    TextIO,
    Tuple,
)

import numpy as np

from ..inference.mask_predictor import MaskPredictor
from ..inference.predictor import Prediction, Predictor
from ..utils.files import check_destinations, replacing
from ..utils.report import printable
from ..utils.values import int_range, nonempty
from ..viz.montage import LIMIT, Tile, draw_montage
from .common.image_paths import (
    Batches,
    Image,
    add_image_arguments,
    open_batches,
    say,
    shortened,
)
from .common.parser import Parser, parse
from .common.segmenting import segment

__all__ = ["add_arguments", "parse", "run"]

#: It takes runs of a user's networks, whose modules `--import` names.
LOADS = True
GROUP, HELP = "evaluate", "what images of yours show, by any trained network"
DESCRIPTION = (
    "Name the classes that a network sees in images: a table on the terminal, or a file. The "
    "network is that of published parameters, of a run, or of an exported file; what it is given "
    "of an image is what evaluation gives it. Of a network that names the class of every pixel the "
    "table has the shares of an image. An image that cannot be read is named and left out, and the "
    "exit code is then 1."
)
WIDTH, TOPK = 79, 5


class Row(NamedTuple):
    """An image with its classes."""

    path: str
    predictions: List[Prediction]


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--topk",
        metavar="K",
        type=int_range(1),
        default=None,
        help=f"how many classes of each image (default: {TOPK}; of a segmentation network all)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=nonempty,
        default=None,
        help="write there instead of a table: .csv (path, rank, label, name, probability), .jsonl "
        "(an object an image, a line each), or .json (a list of these); of a segmentation network "
        "a new folder, for masks/ and overlays/",
    )
    parser.add_argument(
        "--montage",
        metavar="FILE",
        type=nonempty,
        default=None,
        help=f"draw the first {LIMIT} images with their classes there, a .png; of a segmentation "
        "network half as many, each beside itself below its mask",
    )
    add_image_arguments(parser)


def _write_csv(file: TextIO, rows: List[Row]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("path", "rank", "label", "name", "probability"))
    for row in rows:
        for rank, found in enumerate(row.predictions, 1):
            writer.writerow((row.path, rank, found.label, found.name, repr(found.probability)))


def _as_json(row: Row) -> Dict[str, Any]:
    return {"path": row.path, "predictions": [found._asdict() for found in row.predictions]}


def _write_jsonl(file: TextIO, rows: List[Row]) -> None:
    file.writelines(f"{json.dumps(_as_json(row))}\n" for row in rows)


def _write_json(file: TextIO, rows: List[Row]) -> None:
    json.dump([_as_json(row) for row in rows], file, indent=1)
    file.write("\n")


WRITERS: Dict[str, Callable[[TextIO, List[Row]], None]] = {
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_jsonl,
}


def lines_of(row: Row) -> List[str]:
    """Return the lines of the table for an image: its path, and a line each class."""
    lines = [shortened(printable(row.path), WIDTH)]
    for found in row.predictions:
        lines.append(
            shortened(f"  {100 * found.probability:5.1f} %  {printable(found.called)}", WIDTH)
        )
    return lines


def _tile(row: Row, pixels: np.ndarray) -> Tile:
    captions = [f"{found.called}, {100 * found.probability:.1f} %" for found in row.predictions]
    return Tile(pixels, printable(os.path.basename(row.path)), captions)


def _ending(path: str) -> str:
    return os.path.splitext(path)[1][1:].lower()


def write_rows(path: str, rows: List[Row]) -> None:
    """Write what was found to a file, in the form that its name ends in."""
    writer = WRITERS[_ending(path)]
    with replacing(path) as temporary, open(
        temporary, "w", encoding="utf-8", errors="surrogateescape", newline=""
    ) as file:
        writer(file, rows)


def run(topk: Optional[int], out: Optional[str], montage: Optional[str], **given: Any) -> int:
    """Predict, and print or write what was found."""
    folder = out if out and _ending(out) not in WRITERS else None
    if folder is None:
        check(out, montage)
    predictor, batches = open_batches(**given, shown=bool(montage))
    if isinstance(predictor, MaskPredictor):
        check(None, montage)
        unfit = {"topk": topk, "out": None if folder else out}
        return segment(predictor, batches, folder, montage, [name for name in unfit if unfit[name]])
    check(out, montage)
    return rank(predictor, batches, topk or TOPK, out, montage)


def check(out: Optional[str], montage: Optional[str]) -> None:
    """Refuse names of files before anything is computed."""
    named = {"out": (out, list(WRITERS)), "montage": (montage, ["png"])}
    check_destinations({field: (path, ends) for field, (path, ends) in named.items() if path})


def rank(
    predictor: Predictor, batches: Batches, topk: int, out: Optional[str], montage: Optional[str]
) -> int:
    """Name the classes of images, and print or write what was found."""
    rows: List[Row] = []
    tiles: List[Tile] = []
    for batch in batches:
        for row, pixels in _rows(predictor, batch, topk):
            if pixels is not None and len(tiles) < LIMIT:
                tiles.append(_tile(row, pixels))
            if out:
                rows.append(row)
            else:
                say("\n".join(lines_of(row)))
    batches.check_some()
    if out:
        write_rows(out, rows)
        say(f"wrote {out}: {batches.told()}")
    if montage:
        draw_montage(tiles, montage)
        shown = f"the first {LIMIT} of " if batches.read > LIMIT else ""
        say(f"wrote {montage}: {shown}{batches.told()}")
    return 1 if batches.unread else 0


def _rows(
    predictor: Predictor, batch: Sequence[Image], topk: int
) -> Iterator[Tuple[Row, Optional[np.ndarray]]]:
    """Yield what was found in each image of a batch, and its small picture, if there is one."""
    if batch:
        logits = predictor(np.stack([image.view for image in batch]))
        for image, predictions in zip(batch, predictor.rank(logits, topk)):
            yield Row(image.path, predictions), image.pixels
