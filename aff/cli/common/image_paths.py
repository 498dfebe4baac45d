"""What `aff predict` and `aff features` share: arguments that name images and a network, and images
read ahead, those that cannot be read named and left out.
"""

from __future__ import annotations

import glob
import math
import os
import sys
import warnings
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ...data.image_file import SUFFIXES, read_image
from ...data.loader import prefetch
from ...inference.load import load
from ...inference.locate import find_file, looks_like_parameters
from ...inference.mask_predictor import MaskPredictor
from ...inference.predictor import Predictor
from ...training.devices import choose_devices
from ...training.logger import RunLogger
from ...training.progress import Loop
from ...utils.errors import InputError, shorten
from ...utils.report import printable
from ...utils.values import int_range, nonempty
from ...viz.montage import thumbnail
from .guard import flag
from .parser import Parser
from .shared_flags import add_device_arguments, add_root_argument, add_workers_argument

STANDARD_INPUT = "-"


def add_image_arguments(parser: Parser) -> None:
    """Add the arguments that name images and a network, and how they are computed."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        type=nonempty,
        help="image files, folders (all images in them, hidden ones left out), patterns such as "
        "'photos/*.jpg', or - for a list of files on standard input; and, without --params, what "
        "names the network",
    )
    parser.add_argument(
        "--params",
        metavar="NETWORK",
        type=nonempty,
        default=None,
        help="the network: a published NAME of 'aff list published', a file NAME.params, a run's "
        "folder (its best.params), or a file of 'aff export'",
    )
    add_root_argument(parser)
    parser.add_argument(
        "--batch-size",
        type=int_range(1, 4096),
        default=32,
        help="images of a batch on each device; segmentation networks take them one by one",
    )
    add_workers_argument(parser, "read images")
    add_device_arguments(parser)


def network_and_images(paths: Sequence[str], params: Optional[str]) -> Tuple[str, List[str]]:
    """Return what names the network, and the paths that name images.

    Raises
    ------
    InputError
        Where not exactly one of the paths, or `params`, names a network, or none is left.
    """
    if params:
        return params, _some(list(paths))
    named = [path for path in dict.fromkeys(paths) if looks_like_parameters(path)]
    if not named:
        for path in paths:  # a misspelt NAME, or a run that is not there
            image = path == STANDARD_INPUT or path.lower().endswith(SUFFIXES)
            if not image and not os.path.lexists(path) and not glob.has_magic(path):
                find_file(path)
        raise InputError("name the network: a published NAME, or {params} FILE")
    if len(named) > 1:
        raise InputError(f"{shorten(named)} name networks each: say which one by {{params}}")
    source = named[0]
    return source, _some([path for path in paths if path != source])


def _some(paths: List[str]) -> List[str]:
    if not paths:
        raise InputError("name images: files, folders, 'patterns*', or - for a list to be read")
    return paths


def expand(paths: Sequence[str]) -> List[str]:
    """Return the files that paths name, in their order, those of a folder or a pattern sorted.

    Raises
    ------
    InputError
        For a path that is not there, and where no image is named.
    """
    found: List[str] = []
    for path in paths:
        if path == STANDARD_INPUT:
            lines = sys.stdin.buffer.read().split(b"\n")
            listed = [os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip()]
            if not listed:
                raise InputError("-: the list on standard input is empty")
            found += listed
        elif os.path.isdir(path):
            found += _walk(path)
        elif os.path.lexists(path):
            found.append(path)
        elif glob.has_magic(path):
            matches = sorted(glob.glob(path, recursive=True))
            if not matches:
                raise InputError(f"{path}: matches no file")
            for match in matches:
                found += _walk(match) if os.path.isdir(match) else [match]
        else:
            raise InputError(f"{path}: no such file")
    if not found:
        raise InputError(f"{shorten(paths)}: no images there ({', '.join(SUFFIXES)})")
    return found


def _walk(folder: str) -> List[str]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error

    found = []
    for base, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [os.path.join(base, name) for name in names if not name.startswith(".")]
        images = [path for path in paths if path.lower().endswith(SUFFIXES)]
        found += [path for path in sorted(images) if os.path.isfile(path)]
    return sorted(found)


Keep = Callable[[np.ndarray], Optional[np.ndarray]]


class Image(NamedTuple):
    """An image that was read.

    Attributes
    ----------
    path : str
        Its file.
    pixels : numpy.ndarray or None
        What is kept of it, (H, W, 3) uint8; photographs by the batch would fill the memory.
    view : numpy.ndarray
        What the network is given of it, (3, H, W) float32.
    """

    path: str
    pixels: Optional[np.ndarray]
    view: np.ndarray


class Batches:
    """Batches of the images that can be read, in order, behind a bar on a terminal.

    Parameters
    ----------
    paths : list of str
        Image files.
    predictor : Predictor
        Gives the view.
    batch_size, workers : int
        Images of a batch, and threads.
    keep : callable
        Gives what is kept of an image's pixels.
    """

    def __init__(
        self, paths: List[str], predictor: Predictor, batch_size: int, workers: int, keep: Keep
    ):
        self.paths = paths
        self.predictor = predictor
        self.batch_size = batch_size
        self.workers = workers
        self.keep = keep
        self.unread = 0

    def __iter__(self) -> Iterator[List[Image]]:
        count = math.ceil(len(self.paths) / self.batch_size)
        return iter(RunLogger().progress(self._batches(), Loop("images", count, count=len)))

    def _batches(self) -> Iterator[List[Image]]:
        batch: List[Image] = []
        ahead = self.batch_size + self.workers
        for number, found in enumerate(prefetch(self._read, len(self.paths), self.workers, ahead)):
            if isinstance(found, Image):
                batch.append(found)
            else:
                self.unread += 1
                say(f"WARNING: {found}", sys.stderr)
            if (number + 1) % self.batch_size == 0 or number + 1 == len(self.paths):
                yield batch
                batch = []

    def _read(self, index: int) -> Any:
        path = self.paths[index]
        try:
            pixels = read_image(path)
            return Image(path, self.keep(pixels), self.predictor.view(pixels))
        except InputError as error:
            return error.message.replace(path, printable(path))

    @property
    def read(self) -> int:
        """How many could be read."""
        return len(self.paths) - self.unread

    def check_some(self) -> None:
        """Refuse images of which none could be read."""
        if not self.read:
            raise InputError(f"none of {self.unread} files can be read as an image")

    def told(self) -> str:
        """Return how many images there are, and how many could not be read."""
        left_out = f", {self.unread} left out that cannot be read" if self.unread else ""
        return f"{self.read} image{'' if self.read == 1 else 's'}{left_out}"


def open_batches(
    paths: List[str],
    params: Optional[str],
    root: Optional[str],
    batch_size: int,
    num_workers: int,
    gpus: Optional[str],
    cpus: Optional[int],
    shown: bool = False,
) -> Tuple[Predictor, Batches]:
    """Return the network and the images that arguments name, with small pictures of these where
    they are to be `shown`; a segmentation network's with all their pixels, one by one.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of metadata, which nothing here uses
    source, named = network_and_images(paths, params)
    files = expand(named)
    devices, warning = choose_devices(gpus, cpus)
    if warning:
        RunLogger(spelling=flag).warn(warning)
    predictor = load(source, root, devices)
    if isinstance(predictor, MaskPredictor):
        return predictor, Batches(files, predictor, 1, num_workers, lambda pixels: pixels)
    keep: Keep = thumbnail if shown else lambda _: None
    return predictor, Batches(files, predictor, batch_size * len(devices), num_workers, keep)


def say(line: str, file: Any = None) -> None:
    """Print a line beside a bar."""
    with tqdm.external_write_mode(file=file or sys.stdout):
        print(line, file=file, flush=True)


def shortened(text: str, width: int) -> str:
    """Return a text of at most so many characters, its middle left out."""
    if len(text) <= width:
        return text
    end = (width - 3) // 2
    return f"{text[: width - 3 - end]}...{text[len(text) - end :]}"
