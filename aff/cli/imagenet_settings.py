"""The settings of an ImageNet run, resolved from its flags."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from ..data.images import IMAGENET, Images, usual_records
from ..models.registry import checked_arguments, list_networks, match_family
from ..utils.errors import InputError, unknown
from .common.networks import short_name, structure
from .common.training_arguments import check_needs, check_resume
from .settings import RunSettings, unused

CIFAR = "cifar_"


@dataclass(frozen=True)
class ImageNetSettings(RunSettings):
    """The settings of ``train_imagenet.py``."""

    use_rec: bool
    rec_train: Optional[str]
    rec_train_idx: Optional[str]
    rec_val: Optional[str]
    rec_val_idx: Optional[str]
    num_gpus: int
    kvstore: str
    lr_schedule: str
    mixup: bool
    input_size: int
    crop_ratio: float
    teacher: Optional[str]
    teacher_params: Optional[str]
    temperature: float
    hard_weight: float
    logging_file: Optional[str]
    log_interval: int
    lr_decay_period: int
    train_images: int
    val_images: int
    images: Dict[str, str]
    max_bad_records: float

    @classmethod
    def from_options(
        cls,
        options: argparse.Namespace,
        command: str,
        classes: int,
        images: Optional[Dict[str, Images]] = None,
    ) -> ImageNetSettings:
        """Settings from parsed flags, for data of so many classes, and these 'train' and 'val'
        images.
        """
        images = images or {}
        name, kwargs = resolve(options, classes)
        decay = options.lr_decay_epoch
        if options.lr_decay_period:
            decay = list(
                range(options.lr_decay_period, options.num_epochs, options.lr_decay_period)
            )
        return cls.gathered(
            options,
            command=command,
            model=name,
            model_kwargs=kwargs,
            lr_decay_epoch=decay,
            train_images=len(images.get("train", ())),
            val_images=len(images.get("val", ())),
            images={part: found.order() for part, found in images.items()},
        )

    @property
    def name(self) -> str:
        return f"imagenet-{short_name(self.model, self.model_kwargs)}"

    @property
    def data(self) -> dict:
        folder = None if self.use_rec else self.data_dir or IMAGENET
        records = (self.rec_val or usual_records("val")) if self.use_rec else None
        index = self.rec_val_idx if self.use_rec else None
        return {
            "dataset": "imagenet",
            "labels": None,
            "data_dir": folder and os.path.abspath(os.path.expanduser(folder)),
            "rec_val": records and os.path.abspath(os.path.expanduser(records)),
            "rec_val_idx": index and os.path.abspath(os.path.expanduser(index)),
            "input_size": self.input_size,
            "crop_ratio": self.crop_ratio,
        }

    @property
    def lr_mode(self) -> str:
        return self.lr_schedule

    @property
    def mixes(self) -> bool:
        return self.mixup


def resolve(options: argparse.Namespace, classes: int) -> Tuple[str, Dict[str, Any]]:
    """Name and arguments of the network that the flags name.

    Raises
    ------
    InputError
        For an unknown network, a depth that it does not have, or a flag that is not for it.
    """
    name = options.model
    found = None if name.startswith(CIFAR) else match_family(name)
    if found is None:
        names = [model for model in list_networks() if not model.startswith(CIFAR)]
        raise unknown("model", name, names)
    family, depth = found
    if options.num_layers not in (None, depth):
        family.blocks(options.num_layers)
        name = family.pattern.format(options.num_layers)
    kwargs = {
        "fusion": options.fusion,
        "classes": classes,
        "last_gamma": options.last_gamma,
        **structure(options, name, f"--model {name}"),
    }
    return name, checked_arguments(name, kwargs)


def unused_flags(settings: ImageNetSettings) -> List[str]:
    """Flags of the command that other flags of it leave without effect, a phrase each."""
    stepless = settings.lr_schedule != "step"
    first = min(settings.lr_decay_epoch, default=0)
    mode = f"with --lr-mode {settings.lr_schedule}"
    period = settings.lr_decay_period > 0
    return unused(
        settings.command,
        (
            ("--mixup-alpha", not settings.mixup, "without --mixup"),
            ("--mixup-off-epoch", not settings.mixup, "without --mixup"),
            ("--warmup-lr", not settings.warmup_epochs, "without --warmup-epochs"),
            ("--lr-decay", stepless, mode),
            ("--lr-decay-epoch", stepless, mode),
            ("--lr-decay-period", stepless, mode),
            ("--lr-decay-epoch", not stepless and period, "with --lr-decay-period"),
            (
                "--lr-decay-epoch",
                not stepless and not period and first >= settings.num_epochs,
                f"beyond --num-epochs {settings.num_epochs}",
            ),
            (
                "--lr-decay-period",
                not stepless and settings.lr_decay_period >= settings.num_epochs,
                f"beyond --num-epochs {settings.num_epochs}",
            ),
            ("--num-gpus", settings.cpus is not None and settings.num_gpus > 0, "with --cpus"),
            ("--temperature", not settings.teacher, "without --teacher"),
            ("--hard-weight", not settings.teacher, "without --teacher"),
        ),
    )


#: Flags that do nothing without another.
NEEDS = (
    ("rec_train", "use_rec"),
    ("rec_val", "use_rec"),
    ("rec_train_idx", "rec_train"),
    ("rec_val_idx", "rec_val"),
    ("eval_only", "params"),
    ("params", "eval_only"),
    ("teacher_params", "teacher"),
)


def check(options: argparse.Namespace) -> None:
    """Refuse flags that contradict each other.

    Raises
    ------
    InputError
        Which names the flags.
    """
    check_resume(options)
    check_needs(options, NEEDS)
    if options.use_rec and options.data_dir:
        raise InputError("--data-dir names folders of images, --use-rec .rec files: give one")
    file = options.logging_file
    if file:
        folder = os.path.dirname(os.path.abspath(file))
        if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
            raise InputError(f"--logging-file {file}: {folder} is no folder to write to")
        if os.path.isdir(file):
            raise InputError(f"--logging-file {file}: is a folder")
