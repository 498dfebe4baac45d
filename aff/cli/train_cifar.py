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

from ..data import CLASSES, IMAGE_SIZES
from .cifar_run import execute
from .cifar_settings import CifarSettings
from .common.arguments import (
    Parser,
    add_data_arguments,
    add_device_arguments,
    add_model_arguments,
    guarded,
    real,
)
from .common.networks import resolve
from .common.training_arguments import (
    add_file_arguments,
    add_other_arguments,
    add_training_arguments,
    check_resume,
)
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
    training = add_training_arguments(parser, 400, 0.2, "300,350", 1.0, 20, "CIFAR")
    training.add_argument(
        "--cosine",
        action="store_true",
        help="half a cosine to 0 instead of --lr-decay at --lr-decay-epoch",
    )
    training.add_argument("--no-mixup", action="store_true", help="train without mixup")
    training.add_argument(
        "--val-split",
        type=real(0, 0.9),
        default=0.0,
        help="fraction of the training set to hold out and choose the best epoch by; at 0 the "
        "test set chooses, as in the published code, which flatters the best epoch",
    )
    add_file_arguments(parser, "--save-period", 50)
    add_other_arguments(parser)
    return parser


def run(options: argparse.Namespace, command: str) -> int:
    """Do what the flags say."""
    if options.summary:
        name, kwargs = resolve(options, CLASSES[options.dataset], "cifar_")
        print_summary(name, kwargs, IMAGE_SIZES[options.dataset])
        return 0
    check_resume(options)
    settings = CifarSettings.from_options(options, command)
    if options.smoke:
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
