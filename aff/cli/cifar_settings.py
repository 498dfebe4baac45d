"""The settings of a CIFAR-style run, resolved from its flags."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import List, Optional

from ..data import CLASSES
from .common.networks import resolve, short_name
from .settings import RunSettings, unused


@dataclass(frozen=True)
class CifarSettings(RunSettings):
    """The settings of ``train_cifar.py``."""

    dataset: str
    labels: Optional[str]
    gpus: Optional[str]
    cosine: bool
    no_mixup: bool
    val_split: float

    @classmethod
    def from_options(cls, options: argparse.Namespace, command: str) -> CifarSettings:
        """Settings from parsed flags."""
        name, kwargs = resolve(options, CLASSES[options.dataset], "cifar_")
        labels = options.labels or ("fine" if options.dataset == "cifar100" else None)
        return cls.gathered(
            options, command=command, model=name, model_kwargs=kwargs, labels=labels
        )

    @property
    def name(self) -> str:
        labels = "-coarse" if self.labels == "coarse" else ""
        return f"{self.dataset}{labels}-{short_name(self.model, self.model_kwargs)}"

    @property
    def data(self) -> dict:
        return {
            "dataset": self.dataset,
            "labels": self.labels,
            "data_dir": self.data_dir and os.path.abspath(self.data_dir),
        }

    @property
    def lr_mode(self) -> str:
        return "cosine" if self.cosine else "step"

    @property
    def mixes(self) -> bool:
        return not self.no_mixup


def unused_flags(settings: CifarSettings) -> List[str]:
    """Flags of the command that other flags of it leave without effect, a phrase each."""
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
    return unused(settings.command, reasons)
