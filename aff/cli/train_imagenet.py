"""``train_imagenet.py``: train an ImageNet network with any fusion, evaluate it every epoch, keep
the best.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from typing import Optional, Sequence

from ..compat import available_cpus
from ..data.image_loader import CROP_RATIO, SIZE
from ..data.images import IMAGENET_CLASSES
from ..distributed.job import KVSTORES
from ..training.devices import choose_gpus
from ..training.lr_scheduler import MODES
from ..utils.errors import InputError
from ..utils.params_file import ArrayFile
from .common.arguments import (
    Parser,
    add_fusion_argument,
    add_structure_arguments,
    guarded,
    named,
    real,
    whole,
)
from .common.subject import Subject
from .common.training_arguments import (
    add_file_arguments,
    add_other_arguments,
    add_training_arguments,
)
from .evaluate import report
from .imagenet_run import train
from .imagenet_settings import ImageNetSettings, check, resolve
from .summary import print_summary


def build_parser(prog: str) -> Parser:
    """The script's flags; every one acts."""
    parser = Parser(
        prog=prog,
        description="Train an ImageNet ResNet or ResNeXt whose later stages join by attentional "
        "feature fusion, on ImageNet or any images in the same form.",
    )
    _add_network(parser)
    _add_data(parser)
    devices = parser.add_argument_group("devices")
    devices.add_argument(
        "--num-gpus", type=whole(0, 64), default=0, help="number of GPUs; 0: the CPU"
    )
    devices.add_argument(
        "--cpus",
        type=whole(1, 64),
        default=None,
        help="use this many CPU devices instead of any GPU, to exercise data parallelism",
    )
    devices.add_argument(
        "--kvstore",
        choices=KVSTORES,
        default="device",
        help="where gradients are summed: on one of the devices (device) or the CPU (local); or "
        "over several processes or machines that 'aff launch' starts (dist_sync, or "
        "dist_device_sync, which sums those of a process's GPUs on one of them first)",
    )
    training = add_training_arguments(parser, 180, 0.075, "40,60", 0.2, 0, "ImageNet")
    training.add_argument(
        "--lr-mode",
        dest="lr_schedule",
        choices=MODES,
        default="step",
        help="how the learning rate falls after the warm-up: by --lr-decay at --lr-decay-epoch, or "
        "as (1 - t)^2, or as half a cosine, to 0",
    )
    training.add_argument(
        "--lr-decay-period",
        type=whole(0),
        default=0,
        help="epochs between decays, in place of --lr-decay-epoch; 0: those",
    )
    training.add_argument("--mixup", action="store_true", help="train with mixup")
    distillation = parser.add_argument_group("distillation")
    distillation.add_argument(
        "--teacher",
        type=named,
        default=None,
        help="learn from the outputs of this network too: published parameters by name, one of "
        "'aff list models' with --teacher-params, or a network of GluonCV's",
    )
    distillation.add_argument(
        "--teacher-params", type=named, default=None, metavar="FILE", help="its parameters"
    )
    distillation.add_argument(
        "--temperature",
        type=real(0, open_minimum=True),
        default=20.0,
        help="that softens both networks' outputs",
    )
    distillation.add_argument(
        "--hard-weight", type=real(0, 1), default=0.5, help="share of the labels in the loss"
    )
    files = add_file_arguments(parser, "--save-frequency", 10)
    files.add_argument(
        "--logging-file",
        type=named,
        default=None,
        help="file of the text log, appended to (default: train.log in --logging-dir)",
    )
    files.add_argument(
        "--log-interval",
        type=whole(0),
        default=50,
        help="batches between lines of the log that say how fast they go; 0: none",
    )
    other = add_other_arguments(parser)
    other.add_argument(
        "--eval-only", action="store_true", help="evaluate --params on the validation images"
    )
    other.add_argument("--params", type=named, default=None, help="parameter file to evaluate")
    return parser


def _add_network(parser: Parser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        type=named,
        default="resnet50_v1b_askc",
        help="resnet{50,101,152}_v1b_askc or resnext{50,101}_32x4d_askc",
    )
    group.add_argument(
        "--num-layers",
        type=whole(1, 2000),
        default=None,
        help="depth, in place of the one in the model's name",
    )
    add_fusion_argument(group, "ASKCFuse")
    add_structure_arguments(group, channel_times=None)
    group.add_argument(
        "--last-gamma",
        action="store_true",
        help="start the last gamma of every block's body at zero",
    )


def _add_data(parser: Parser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument(
        "--use-rec", action="store_true", help="read .rec files instead of folders of images"
    )
    for part in ("train", "val"):
        group.add_argument(
            f"--rec-{part}",
            type=named,
            default=None,
            metavar="FILE",
            help=f"{part} images as a .rec file "
            f"(default: ~/.mxnet/datasets/imagenet/rec/{part}.rec)",
        )
        group.add_argument(
            f"--rec-{part}-idx",
            type=named,
            default=None,
            metavar="FILE",
            help=f"index of --rec-{part} (default: the .idx file beside it, where there is one)",
        )
    group.add_argument(
        "--data-dir",
        type=named,
        default=None,
        help="folder that holds train/<class>/ and val/<class>/ (default: "
        "~/.mxnet/datasets/imagenet)",
    )
    group.add_argument(
        "--input-size",
        type=whole(32, 4096),
        default=SIZE,
        help="height and width of images as the network sees them",
    )
    group.add_argument(
        "--crop-ratio",
        type=real(0.1, 1),
        default=CROP_RATIO,
        help="in evaluation, share of the scaled shorter side that the centre crop keeps",
    )
    group.add_argument(
        "--max-bad-records",
        type=real(0, 1),
        default=0.0,
        metavar="SHARE",
        help="share of the training images that may be damaged; the log counts them, and the next "
        "image takes the place of each. Validation needs every image",
    )
    group.add_argument(
        "-j",
        "--num-data-workers",
        dest="num_workers",
        type=whole(0, 256),
        default=available_cpus(),
        help="threads that decode and augment; 0: none. Results do not depend on it",
    )


def evaluate_only(options: argparse.Namespace) -> int:
    """Evaluate parameters under the script's flags, as ``aff evaluate`` does."""
    devices = choose_gpus(options.num_gpus, options.cpus)
    shapes = ArrayFile(options.params).shapes
    bias = shapes.get("fc.bias") or shapes.get("output.bias")
    if not bias:
        raise InputError(f"--params {options.params}: no parameters of an ImageNet network")
    settings = ImageNetSettings.from_options(options, "", bias[0])
    subject = Subject(
        settings.model,
        settings.model_kwargs,
        options.params,
        dtype=options.dtype,
        **settings.data,
    )
    return report(subject, options, devices)


def run(options: argparse.Namespace, command: str) -> int:
    """Do what the flags say."""
    check(options)
    if options.summary:
        print_summary(*resolve(options, IMAGENET_CLASSES), options.input_size)
        return 0
    resolve(options, IMAGENET_CLASSES)
    if options.eval_only:
        return evaluate_only(options)
    if options.smoke:
        with tempfile.TemporaryDirectory(prefix="aff-smoke-") as folder:
            options.save_dir = os.path.join(folder, "params")
            options.logging_file, options.discard = None, True
            options.logging_dir = os.path.join(folder, "logs")
            code = train(options, command)
        print("smoke run: passed; nothing was kept")
        return code
    return train(options, command)


def main(argv: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Run the script; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    prog = prog or os.path.basename(sys.argv[0])
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options, f"{prog} {shlex.join(argv)}"))
