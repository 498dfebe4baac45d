"""``aff evaluate``: top-1 and top-5 error of parameters, over every image exactly once; of
segmentation networks the mean IoU, over every pixel.
"""

from __future__ import annotations

from typing import Any, Optional

from ..data.image_loader import CROP_RATIO, SIZE
from ..inference.spec import find_spec
from ..training.devices import choose_devices
from ..training.logger import SETTINGS
from ..utils import values
from ..utils.errors import spell
from .common.evaluating import report
from .common.evaluating_pixels import report_pixels
from .common.evaluation_report import Wanted
from .common.guard import flag
from .common.parser import Parser
from .common.shared_flags import (
    add_cifar_network_arguments,
    add_data_arguments,
    add_device_arguments,
    add_parameters_arguments,
    chosen_source,
)

GROUP, HELP = "evaluate", "top-1 and top-5 error of a run's parameters, or of published ones"
DESCRIPTION = (
    "Evaluate parameters on a data set's test part, each image exactly once: those that are "
    "published under a NAME, under the recipe they were published with, or those of a file. Of a "
    f"file, network and data set are those of the run ({SETTINGS} beside it), unless flags say "
    "otherwise. Of a segmentation network it is the mean intersection over union, and the share "
    "of pixels that are wrong, each pixel once."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    add_parameters_arguments(
        parser,
        "published parameters, a name of 'aff list published', fetched where they are not there; "
        "a file NAME.params; a run's folder (its best.params); or a file of 'aff export': "
        "NAME.onnx, NAME.safetensors, NAME-symbol.json",
    )
    parser.add_argument(
        "--batch-size",
        type=values.int_range(1),
        default=128,
        help="images of a batch on each device",
    )
    parser.add_argument(
        "--mode",
        choices=("optimized", "hybrid", "imperative"),
        default="optimized",
        help="how a network of ours is run: optimized for inference (on one CPU device; elsewhere "
        "as hybrid), compiled as in training, or operator by operator",
    )
    add_cifar_network_arguments(parser, imagenet=True)
    data = add_data_arguments(parser)
    data.add_argument(
        "--rec-val",
        default=None,
        metavar="FILE",
        type=values.nonempty,
        help="validation images of imagenet as a .rec file (default: those of --data-dir, a "
        "folder with val/<class>/ or <class>/ in it, or ~/.mxnet/datasets/imagenet/rec/val.rec)",
    )
    data.add_argument(
        "--rec-val-idx",
        default=None,
        metavar="FILE",
        type=values.nonempty,
        help="index of --rec-val (default: the .idx file beside it, where there is one)",
    )
    data.add_argument(
        "--input-size",
        type=values.int_range(8, 4096),
        default=None,
        help=f"height and width of imagenet's images as the network sees them (default: {SIZE})",
    )
    data.add_argument(
        "--crop-ratio",
        type=values.float_range(0.1, 1),
        default=None,
        help="of imagenet's images: share of the scaled shorter side that the centre crop keeps "
        f"(default: {CROP_RATIO})",
    )
    inside = parser.add_argument_group("look inside")
    inside.add_argument(
        "--per-class",
        action="store_true",
        help="print the accuracy of each class, and the classes that are confused most",
    )
    inside.add_argument(
        "--confusion",
        type=values.nonempty,
        default=None,
        metavar="FILE",
        help="the confusion matrix, rows the true classes, as .csv or as a picture, .png",
    )
    inside.add_argument(
        "--predictions",
        type=values.nonempty,
        default=None,
        metavar="FILE",
        help="a row for each image: its label, the five most probable classes, its label's rank "
        "(.csv)",
    )
    inside.add_argument(
        "--json",
        type=values.nonempty,
        default=None,
        metavar="FILE",
        help="all figures for programs: errors, calibration, classes, confused pairs (.json)",
    )
    add_device_arguments(parser)


def run(
    name: Optional[str],
    params: Optional[str],
    root: Optional[str],
    batch_size: int,
    num_workers: int,
    mode: str,
    gpus: Optional[str],
    cpus: Optional[int],
    per_class: bool,
    confusion: Optional[str],
    predictions: Optional[str],
    json: Optional[str],
    **given: Any,
) -> int:
    """Evaluate published parameters or those of a file."""
    wanted = Wanted(per_class, confusion, predictions, json)
    wanted.check()
    spec = find_spec(chosen_source(name, params), root, given)
    devices, warning = choose_devices(gpus, cpus)
    tell = report_pixels if spec.segments else report
    warning = spell(warning, flag) if warning else None
    return tell(spec, devices, batch_size, num_workers, mode, root, warning, wanted)
