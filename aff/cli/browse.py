"""``aff browse``: a sheet of training images, as a run's augmentation makes them."""

from __future__ import annotations

from itertools import chain
from typing import Any, List, Optional

import mxnet as mx
from tqdm import tqdm

from ..training.config import TrainConfig
from ..training.devices import parse_gpus
from ..training.process_group import ProcessGroup
from ..training.recipe_lines import recipe_lines
from ..training.sources import open_source
from ..utils.errors import InputError, spell
from ..utils.files import check_destination
from ..utils.screen import fold
from ..utils.values import int_range, nonempty
from ..viz.augmentations import rows_of
from ..viz.montage import draw_montage
from .common.image_flags import add_image_flags, config_of_images
from .common.parser import Parser
from .common.spellings import spelling_of

GROUP, HELP = "look", "training images as a run's augmentation makes them"
DESCRIPTION = (
    "Draw a sheet of training images: a row each, first as it is, then what a network is trained "
    "on in several epochs, with the classes of its target and their shares where images are mixed; "
    "images that have masks under these. "
    "The images are those of the run with these settings, pixel for pixel. Flags are those of the "
    "training scripts."
)
spelling = spelling_of("cifar")
#: Epochs that are drawn where none are named, and images and epochs, the most.
EPOCHS, MOST_IMAGES, MOST_EPOCHS = 5, 64, 16


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        type=nonempty,
        default=None,
        help="a data set's name, a folder of images (or of images and masks), a .rec file, or a "
        "run's folder or settings",
    )
    parser.add_argument("--out", type=nonempty, default="browse.png", help="the picture, .png")
    parser.add_argument(
        "--images",
        metavar="N",
        type=int_range(1, MOST_IMAGES),
        default=6,
        help="how many, the first of the first of the epochs",
    )
    parser.add_argument(
        "--epochs",
        metavar="E",
        nargs="+",
        type=int_range(0),
        default=None,
        help=f"which, counted from 0 (default: the first {EPOCHS})",
    )
    add_image_flags(parser)


def count_devices(config: TrainConfig) -> int:
    """Return how many devices a run shares its batches among, whether or not they are here."""
    named = config.num_gpus if config.gpus is None else len(parse_gpus(config.gpus))
    return config.cpus or named or 1


def epochs_of(config: TrainConfig, epochs: Optional[List[int]]) -> List[int]:
    """Return the epochs of a run to draw, those that are named or the first.

    Raises
    ------
    InputError
        For epochs that it does not have, or too many.
    """
    named = epochs or list(range(min(EPOCHS, config.num_epochs)))
    if len(named) > MOST_EPOCHS:
        raise InputError(f"{{epochs}} takes at most {MOST_EPOCHS}, got {len(named)}")
    if max(named) >= config.num_epochs:
        last = config.num_epochs - 1
        raise InputError(f"{{epochs}} {max(named)}: the last epoch of the run is {last}")
    return named


def run(
    data: Optional[str], out: str, images: int, epochs: Optional[List[int]], **given: Any
) -> int:
    """Draw the sheet."""
    check_destination(out, ["png"])
    config = config_of_images(data, given)
    drawn = epochs_of(config, epochs)
    source = open_source(config)
    devices = [mx.cpu(number) for number in range(count_devices(config))]
    found = source.load(config.for_classes(source.classes), devices, ProcessGroup())
    order = found.train.order(drawn[0])[:images].tolist()
    rows = rows_of(found.train, order, drawn, found.facts.get("class_names"))
    shown = list(tqdm(rows, "images", len(order), leave=False, disable=None))
    draw_montage(list(chain(*shown)), out, len(shown[0]))
    for line in [f"data      {found.description}", *recipe_lines(config)]:
        print(fold(spell(line, spelling_of(config.kind))))
    print(f"wrote {out}: {len(order)} image{'s' if len(order) > 1 else ''}")
    return 0
