"""``train_cifar.py``: train a CIFAR-style network with any fusion, evaluate it every epoch, keep
the best.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from typing import Optional, Sequence

from ..data import CLASSES, IMAGE_SIZES, LABEL_SMOOTHING_ETA
from ..training.precision import DTYPES
from .arguments import (
    Parser,
    add_data_arguments,
    add_device_arguments,
    add_model_arguments,
    epochs,
    guarded,
    named,
    real,
    whole,
)
from .cifar_run import execute
from .cifar_settings import CifarSettings
from .networks import resolve
from .summary import print_summary


def build_parser(prog: str) -> Parser:
    """The script's flags; every one acts."""
    parser = Parser(
        prog=prog,
        description="Train a CIFAR-style ResNet or ResNeXt whose blocks join by attentional "
        "feature fusion. The defaults are the settings of AFF-ResNet-32.",
    )
    add_model_arguments(parser, required=True)
    add_data_arguments(parser, default="cifar100")
    add_device_arguments(parser)
    training = parser.add_argument_group("training")
    training.add_argument("--num-epochs", type=whole(1), default=400, help="epochs to train")
    training.add_argument(
        "--batch-size", type=whole(1), default=128, help="images of a batch on each device"
    )
    training.add_argument(
        "--lr", type=real(0, open_minimum=True), default=0.2, help="learning rate after the warm-up"
    )
    training.add_argument(
        "--momentum", type=real(0, 1), default=0.9, help="of Nesterov's accelerated gradient"
    )
    training.add_argument("--wd", type=real(0), default=1e-4, help="weight decay")
    training.add_argument(
        "--no-wd", action="store_true", help="no weight decay on biases, beta and gamma"
    )
    training.add_argument(
        "--lr-decay",
        type=real(0, 1, open_minimum=True),
        default=0.1,
        help="factor of the learning rate at each of --lr-decay-epoch",
    )
    training.add_argument(
        "--lr-decay-epoch",
        type=epochs,
        default="300,350",
        help="epochs, separated by commas, before which the learning rate decays",
    )
    training.add_argument(
        "--cosine",
        action="store_true",
        help="half a cosine to 0 instead of --lr-decay at --lr-decay-epoch",
    )
    training.add_argument(
        "--warmup-epochs", type=whole(0), default=0, help="epochs of linear warm-up"
    )
    training.add_argument(
        "--warmup-lr", type=real(0), default=0.0, help="learning rate that the warm-up starts from"
    )
    training.add_argument("--no-mixup", action="store_true", help="train without mixup")
    training.add_argument(
        "--mixup-alpha",
        type=real(0, open_minimum=True),
        default=1.0,
        help="mixup weights are drawn from Beta(alpha, alpha)",
    )
    training.add_argument(
        "--mixup-off-epoch", type=whole(0), default=20, help="last epochs, without mixup"
    )
    training.add_argument(
        "--label-smoothing", action="store_true", help=f"smooth labels by {LABEL_SMOOTHING_ETA}"
    )
    training.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="number format; float16 (with a loss scale) needs a GPU",
    )
    training.add_argument(
        "--mode",
        choices=("hybrid", "imperative"),
        default="hybrid",
        help="run the network compiled, or operator by operator",
    )
    training.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        help="of initialisation, data order, augmentation and mixup",
    )
    training.add_argument(
        "--val-split",
        type=real(0, 0.9),
        default=0.0,
        help="fraction of the training set to hold out and choose the best epoch by; at 0 the "
        "test set chooses, as in the published code, which flatters the best epoch",
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "--save-dir",
        type=named,
        default=None,
        help="folder for parameters and checkpoints (default: params/ and a name made of the "
        "settings)",
    )
    files.add_argument(
        "--logging-dir",
        type=named,
        default=None,
        help="folder for the logs and the history plot (default: logs/ and the name of --save-dir)",
    )
    files.add_argument(
        "--save-period",
        type=whole(0),
        default=50,
        help="epochs between parameters kept besides the best; 0: only the best",
    )
    files.add_argument(
        "--resume",
        type=named,
        default=None,
        metavar="auto|DIR",
        help="go on from a checkpoint: auto takes the newest of --save-dir, or of the newest run "
        "of the default name, and starts anew where there is none",
    )
    other = parser.add_argument_group("instead of a run")
    other.add_argument(
        "--summary",
        action="store_true",
        help="print layers, parameters and FLOPs of the network, and stop; needs no data and no "
        "GPU",
    )
    other.add_argument(
        "--smoke",
        action="store_true",
        help="two batches of training and of evaluation through the whole path; files are kept "
        "only in a --save-dir that is named",
    )
    return parser


def run(options: argparse.Namespace, command: str) -> int:
    """Do what the flags say."""
    if options.summary:
        name, kwargs = resolve(options, CLASSES[options.dataset], "cifar_")
        print_summary(name, kwargs, IMAGE_SIZES[options.dataset])
        return 0
    settings = CifarSettings.from_options(options, command)
    if options.smoke and not options.save_dir:
        with tempfile.TemporaryDirectory(prefix="aff-smoke-") as folder:
            code = execute(settings.within(folder))
        print("smoke run: passed; nothing was kept")
        return code
    return execute(settings)


def main(argv: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Run the script; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    prog = prog or os.path.basename(sys.argv[0])
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options, f"{prog} {shlex.join(argv)}"))
