"""The settings of a CIFAR-style run, resolved from its flags, and which may change on resuming."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Dict, List, Optional

from ..data import CLASSES
from ..errors import InputError
from ..files import read_json
from .networks import resolve, short_name
from .report import versions
from .rundirs import SETTINGS

#: Settings that a resumed run may change: none of them changes what is computed.
FREE = {
    "num_workers",
    "save_dir",
    "logging_dir",
    "save_period",
    "resume",
    "command",
    "data_dir",
    "mode",
    "gpus",
    "cpus",
}


@dataclass(frozen=True)
class CifarSettings:
    """Everything that a run depends on, as resolved from the flags of ``train_cifar.py``; the
    flags' help says what each means."""

    command: str
    model: str
    model_kwargs: Dict[str, Any]
    dataset: str
    labels: Optional[str]
    data_dir: Optional[str]
    num_workers: int
    gpus: Optional[str]
    cpus: Optional[int]
    num_epochs: int
    batch_size: int
    lr: float
    momentum: float
    wd: float
    no_wd: bool
    lr_decay: float
    lr_decay_epoch: List[int]
    cosine: bool
    warmup_epochs: int
    warmup_lr: float
    no_mixup: bool
    mixup_alpha: float
    mixup_off_epoch: int
    label_smoothing: bool
    dtype: str
    mode: str
    seed: int
    val_split: float
    save_dir: Optional[str]
    logging_dir: Optional[str]
    save_period: int
    resume: Optional[str]
    smoke: bool

    @classmethod
    def from_options(cls, options: argparse.Namespace, command: str) -> CifarSettings:
        """Settings from parsed flags."""
        name, kwargs = resolve(options, CLASSES[options.dataset], "cifar_")
        labels = options.labels or ("fine" if options.dataset == "cifar100" else None)
        resolved: Dict[str, Any] = {
            "command": command,
            "model": name,
            "model_kwargs": kwargs,
            "labels": labels,
        }
        return cls(
            **{
                field.name: resolved.get(field.name, getattr(options, field.name, None))  # type: ignore
                for field in fields(cls)
            }
        )

    def within(self, folder: str) -> CifarSettings:
        """The same run with its files in `folder`."""
        return replace(
            self, save_dir=os.path.join(folder, "params"), logging_dir=os.path.join(folder, "logs")
        )

    @property
    def name(self) -> str:
        """The run's name, of which its folders' names are made."""
        labels = "-coarse" if self.labels == "coarse" else ""
        return f"{self.dataset}{labels}-{short_name(self.model, self.model_kwargs)}"

    @property
    def mixup_until(self) -> int:
        """First epoch without mixup."""
        return 0 if self.no_mixup else max(0, self.num_epochs - self.mixup_off_epoch)

    def as_json(self, devices: int) -> dict:
        """The settings as a run's folder keeps them; `model` and `data` are what ``aff evaluate``
        reads.
        """
        return {
            "model": {"name": self.model, "kwargs": self.model_kwargs},
            "data": {
                "dataset": self.dataset,
                "labels": self.labels,
                "data_dir": self.data_dir and os.path.abspath(self.data_dir),
            },
            "training": {**asdict(self), "devices": devices},
            "versions": versions(),
        }


def check_resumed(settings: CifarSettings, devices: int, folder: str) -> None:
    """Refuse to go on with a run under settings that mean another one; the message names them."""
    before = read_json(os.path.join(folder, SETTINGS)).get("training", {})
    now = settings.as_json(devices)["training"]
    changed = [
        f"{key} {before.get(key)!r} -> {now[key]!r}"
        for key in now
        if key not in FREE and before.get(key) != now[key]
    ]
    if changed:
        raise InputError(
            f"--resume: {folder} was trained with other settings ({'; '.join(changed)}): give the "
            "same, or start a run of its own"
        )


def unused_flags(settings: CifarSettings) -> List[str]:
    """Flags of the command that other flags of it leave without effect, a phrase each."""
    given = {argument.split("=")[0] for argument in shlex.split(settings.command)}
    last = settings.lr_decay_epoch[-1] if settings.lr_decay_epoch else 0
    reasons = (
        ("--mixup-alpha", settings.no_mixup, "with --no-mixup"),
        ("--mixup-off-epoch", settings.no_mixup, "with --no-mixup"),
        ("--warmup-lr", not settings.warmup_epochs, "without --warmup-epochs"),
        ("--lr-decay", settings.cosine, "with --cosine"),
        ("--lr-decay-epoch", settings.cosine, "with --cosine"),
        (
            "--lr-decay-epoch",
            not settings.cosine and last >= settings.num_epochs,
            f"beyond --num-epochs {settings.num_epochs}",
        ),
    )
    return [f"{flag} {why}" for flag, unused, why in reasons if unused and flag in given]
