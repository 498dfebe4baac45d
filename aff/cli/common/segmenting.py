"""What ``aff predict`` does with a segmentation network: masks, pictures, and shares of classes."""

from __future__ import annotations

import contextlib
import os
from typing import Dict, Iterator, List, Optional, Sequence

import cv2
import numpy as np

from ...data.mask_file import encode_mask
from ...inference.mask_predictor import MaskPredictor
from ...utils.errors import InputError
from ...utils.files import replacing
from ...utils.report import printable
from ...viz.montage import COLUMNS, LIMIT, Tile, draw_montage, thumbnail
from ...viz.overlay import colours, overlay
from .image_paths import Batches, say, shortened

MASKS, OVERLAYS = "masks", "overlays"
#: Columns of a line.
WIDTH = 79


def segment(
    predictor: MaskPredictor,
    batches: Batches,
    out: Optional[str],
    montage: Optional[str],
    unfit: Sequence[str],
) -> int:
    """Give every pixel of images a class: print shares of the classes, or write masks and pictures.

    Parameters
    ----------
    predictor : MaskPredictor
        The network.
    batches : Batches
        The images.
    out : str, optional
        A folder to be made: a mask of each image goes to ``masks/``, the image below its mask to
        ``overlays/``, both under the image's name, as PNG.
    montage : str, optional
        A file to draw the first images in, each beside itself below its mask.
    unfit : sequence of str
        Settings that were given and are for networks that name the classes of images.

    Returns
    -------
    int
        The exit code: 1 where images could not be read.

    Raises
    ------
    InputError
        For such a setting, and a folder that is there already.
    """
    if unfit:
        raise InputError(
            f"{{{unfit[0]}}} is for networks that name the class of an image; "
            f"{predictor.spec.params} gives classes of pixels: {{out}} FOLDER takes masks and "
            "pictures"
        )
    tiles: List[Tile] = []
    with contextlib.ExitStack() as held:
        folder = None
        if out:
            names = output_names(batches.paths)
            _check_new(out)
            folder = held.enter_context(replacing(out))
        for path, pixels, labels in _segmented(predictor, batches):
            shares = shares_of(labels, predictor)
            drawn = overlay(pixels, labels)
            if montage and len(tiles) < LIMIT:
                tiles.append(Tile(thumbnail(pixels), os.path.basename(path), []))
                captions = [*map(str.strip, shares)]
                meanings = colours(labels, predictor.class_names)
                tiles.append(Tile(thumbnail(drawn), "", captions, meanings))
            if folder:
                _write(os.path.join(folder, MASKS, names[path]), encode_mask(labels))
                _write(os.path.join(folder, OVERLAYS, names[path]), _png(drawn))
            else:
                lines = [printable(path), *(f"  {share}" for share in shares)]
                say("\n".join(shortened(line, WIDTH) for line in lines))
        batches.check_some()
    if out:
        say(f"wrote {os.path.join(out, MASKS)} and {os.path.join(out, OVERLAYS)}: {batches.told()}")
    if montage:
        draw_montage(tiles, montage, min(COLUMNS, len(tiles)))
        shown = f"the first {LIMIT // 2} of " if 2 * batches.read > LIMIT else ""
        say(f"wrote {montage}: {shown}{batches.told()}")
    return 1 if batches.unread else 0


def _segmented(predictor: MaskPredictor, batches: Batches) -> Iterator:
    """Yield path, pixels and labels of each image that can be read."""
    for batch in batches:
        for image in batch:
            assert image.pixels is not None
            yield image.path, image.pixels, predictor.labels(image.pixels, image.view)


def _check_new(folder: str) -> None:
    above = os.path.dirname(os.path.abspath(folder))
    if os.path.lexists(folder.rstrip(os.sep)):
        raise InputError(f"{{out}} {folder}: is there already: name a new folder")
    if not os.path.isdir(above) or not os.access(above, os.W_OK):
        raise InputError(f"{{out}} {folder}: {above} is no folder to write to")


def output_names(paths: Sequence[str]) -> Dict[str, str]:
    """Return the name of each image's mask: the image's own, from the folder on that all are in,
    with the ending of a PNG file.

    Raises
    ------
    InputError
        For two images whose masks would have the same name.
    """
    folders = [os.path.dirname(os.path.abspath(path)) for path in paths]
    common = os.path.commonpath(folders)
    names: Dict[str, str] = {}
    taken: Dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name = os.path.splitext(os.path.relpath(os.path.abspath(path), common))[0] + ".png"
        if name in taken:
            raise InputError(f"{taken[name]} and {path}: their masks would both be {name}")
        taken[name] = path
        names[path] = name
    return names


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def shares_of(labels: np.ndarray, predictor: MaskPredictor) -> List[str]:
    """Return the classes that an image shows with the share of its pixels, in percent, a text each,
    the largest first.
    """
    names = predictor.class_names or [f"class {label}" for label in range(predictor.classes)]
    counts = np.bincount(labels.ravel(), minlength=len(names))
    shown = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    shares = 100 * counts / labels.size
    return [f"{shares[label]:5.1f} %  {printable(names[label])}" for label in shown]
