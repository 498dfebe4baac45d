"""The flags that both training scripts have."""

from __future__ import annotations

import argparse
import os
from typing import Iterable, Tuple

from ...data import LABEL_SMOOTHING_ETA
from ...training.amp import DTYPES
from ...utils.errors import InputError
from .arguments import epochs, named, real, whole


def add_training_arguments(
    parser: argparse.ArgumentParser,
    num_epochs: int,
    lr: float,
    lr_decay_epoch: str,
    mixup_alpha: float,
    mixup_off_epoch: int,
    policy: str,
):
    """Flags of the optimisation, with a script's defaults; gives their group."""
    training = parser.add_argument_group("training")
    training.add_argument("--num-epochs", type=whole(1), default=num_epochs, help="epochs to train")
    training.add_argument(
        "--batch-size", type=whole(1), default=128, help="images of a batch on each device"
    )
    training.add_argument(
        "--lr", type=real(0, open_minimum=True), default=lr, help="learning rate after the warm-up"
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
        default=lr_decay_epoch,
        help="epochs, separated by commas, before which the learning rate decays",
    )
    training.add_argument(
        "--warmup-epochs", type=whole(0), default=0, help="epochs of linear warm-up"
    )
    training.add_argument(
        "--warmup-lr", type=real(0), default=0.0, help="learning rate that the warm-up starts from"
    )
    training.add_argument(
        "--mixup-alpha",
        type=real(0, open_minimum=True),
        default=mixup_alpha,
        help="mixup weights are drawn from Beta(alpha, alpha)",
    )
    training.add_argument(
        "--mixup-off-epoch",
        type=whole(0),
        default=mixup_off_epoch,
        help="last epochs, without mixup",
    )
    training.add_argument(
        "--label-smoothing", action="store_true", help=f"smooth labels by {LABEL_SMOOTHING_ETA}"
    )
    training.add_argument(
        "--auto-aug",
        action="store_true",
        help=f"augment by AutoAugment's {policy} policy too (colour images)",
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
    return training


def add_file_arguments(parser: argparse.ArgumentParser, save_period: str, save_default: int):
    """Flags of a run's files; `save_period` is what a script calls the last of them. Gives their
    group.
    """
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
        save_period,
        dest="save_period",
        type=whole(0),
        default=save_default,
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
    files.add_argument(
        "--resume-changed",
        action="store_true",
        help="let --resume go on under settings that change what is computed; the log says which",
    )
    files.add_argument(
        "--resume-params",
        "--resume-from",
        type=named,
        default=None,
        metavar="FILE",
        help="start a new run from these parameters",
    )
    files.add_argument(
        "--resume-states",
        type=named,
        default=None,
        metavar="FILE",
        help="and from these optimizer states: optimizer.params of a checkpoint",
    )
    files.add_argument(
        "--resume-epoch",
        type=whole(0),
        default=0,
        help="and with this epoch, counted from 0",
    )
    files.add_argument(
        "--accept-pickled-states",
        action="store_true",
        help="take --resume-states in the pickled form of mxnet's Trainer.save_states too",
    )
    return files


#: Flags of both scripts that do nothing without another.
NEEDS = (
    ("resume_states", "resume_params"),
    ("resume_epoch", "resume_params"),
    ("accept_pickled_states", "resume_states"),
    ("resume_changed", "resume"),
)


def check_needs(options: argparse.Namespace, needs: Iterable[Tuple[str, str]]) -> None:
    """Refuse flags that do nothing without another.

    Parameters
    ----------
    options : Namespace
        Parsed flags.
    needs : iterable of (str, str)
        Names of a flag's option, and of the option that it needs.

    Raises
    ------
    InputError
        Which names both flags.
    """
    for names in needs:
        if getattr(options, names[0]) and not getattr(options, names[1]):
            flag, other = (f"--{name.replace('_', '-')}" for name in names)
            raise InputError(f"{flag} needs {other}")


def check_resume(options: argparse.Namespace) -> None:
    """Refuse flags of resuming that contradict each other.

    Raises
    ------
    InputError
        Which names the flags.
    """
    check_needs(options, NEEDS)
    if options.smoke and options.resume not in (None, "auto"):
        raise InputError(f"--smoke tries a run from its start: leave --resume {options.resume} out")
    for name in ("resume_params", "resume_states"):
        path = getattr(options, name)
        if path and not os.path.isfile(path):
            raise InputError(f"--{name.replace('_', '-')} {path}: no such file")
    if options.resume_epoch >= options.num_epochs:
        raise InputError(
            f"--resume-epoch {options.resume_epoch}: --num-epochs {options.num_epochs} leaves no "
            "epoch to train"
        )


def add_other_arguments(parser: argparse.ArgumentParser):
    """Flags of what a script does instead of a run; gives their group."""
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
        help="two batches of training and of evaluation through the whole path; no file is kept, "
        "whatever the other flags name",
    )
    return other
