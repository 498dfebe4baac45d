"""What the settings of every run have in common, and which of them may change on resuming."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Dict, Iterable, List, Optional, Tuple, Type, TypeVar

from ..training.lr_scheduler import Schedule, build_schedule
from ..training.run_folder import SETTINGS
from ..utils.errors import InputError
from ..utils.files import read_json
from ..utils.report import versions

#: Settings that a resumed run may change: none of them changes what is computed.
FREE = {
    "num_workers",
    "save_dir",
    "logging_dir",
    "logging_file",
    "log_interval",
    "save_period",
    "resume",
    "resume_changed",
    "resume_params",
    "resume_states",
    "resume_epoch",
    "accept_pickled_states",
    "command",
    "data_dir",
    "rec_train",
    "rec_train_idx",
    "rec_val",
    "rec_val_idx",
    "mode",
    "gpus",
    "num_gpus",
    "cpus",
    "kvstore",
    "max_bad_records",
    "discard",
}
#: And these are not worth a word.
UNTOLD = {"command", "resume", "resume_changed"}
#: What ``--resume-changed`` cannot change: the figures so far would be of other images.
FIXED = {"val_split", "dataset", "labels"}
R = TypeVar("R", bound="RunSettings")


@dataclass(frozen=True)
class RunSettings:
    """Everything that a run depends on, as resolved from the flags of its script; the flags' help
    says what each means.
    """

    command: str
    model: str
    model_kwargs: Dict[str, Any]
    data_dir: Optional[str]
    num_workers: int
    cpus: Optional[int]
    num_epochs: int
    batch_size: int
    lr: float
    momentum: float
    wd: float
    no_wd: bool
    lr_decay: float
    lr_decay_epoch: List[int]
    warmup_epochs: int
    warmup_lr: float
    mixup_alpha: float
    mixup_off_epoch: int
    label_smoothing: bool
    auto_aug: bool
    dtype: str
    mode: str
    seed: int
    save_dir: Optional[str]
    logging_dir: Optional[str]
    save_period: int
    resume: Optional[str]
    resume_changed: bool
    resume_params: Optional[str]
    resume_states: Optional[str]
    resume_epoch: int
    accept_pickled_states: bool
    smoke: bool
    discard: bool

    @classmethod
    def gathered(cls: Type[R], options: argparse.Namespace, **resolved: Any) -> R:
        """Settings of these values, and otherwise of the flags of the same names."""
        values: Dict[str, Any] = {
            field.name: resolved.get(field.name, getattr(options, field.name, None))
            for field in fields(cls)
        }
        return cls(**values)

    @property
    def name(self) -> str:
        """The run's name, of which its folders' names are made."""
        raise NotImplementedError

    @property
    def data(self) -> dict:
        """What ``aff evaluate`` has to know of the data."""
        raise NotImplementedError

    @property
    def lr_mode(self) -> str:
        """Kind of the schedule, one of `schedule.MODES`."""
        raise NotImplementedError

    @property
    def mixes(self) -> bool:
        """Whether the run uses mixup."""
        raise NotImplementedError

    def within(self: R, folder: str) -> R:
        """The same run with its files in `folder`, which is removed at its end."""
        return replace(
            self,
            save_dir=os.path.join(folder, "params"),
            logging_dir=os.path.join(folder, "logs"),
            discard=True,
        )

    @property
    def mixup_until(self) -> int:
        """First epoch without mixup."""
        return max(0, self.num_epochs - self.mixup_off_epoch) if self.mixes else 0

    def schedule(self, steps_per_epoch: int) -> Schedule:
        """The learning rate of every step."""
        return build_schedule(
            self.lr,
            self.num_epochs,
            steps_per_epoch,
            self.lr_mode,
            self.warmup_epochs,
            self.warmup_lr,
            self.lr_decay,
            self.lr_decay_epoch,
        )

    def as_json(self, devices: int) -> dict:
        """The settings as a run's folder keeps them; `model` and `data` are what ``aff evaluate``
        reads.
        """
        return {
            "model": {"name": self.model, "kwargs": self.model_kwargs},
            "data": self.data,
            "training": {**asdict(self), "devices": devices},
            "versions": versions(),
        }


def check_resumed(settings: RunSettings, devices: int, folder: str) -> List[str]:
    """What differs from the settings that a run was trained with so far, a phrase each.

    Raises
    ------
    InputError
        For settings that mean another run, unless ``--resume-changed`` says to go on.
    """
    before = read_json(os.path.join(folder, SETTINGS)).get("training", {})
    now = settings.as_json(devices)["training"]
    changed = {
        key: f"{key} {before.get(key)!r} -> {now[key]!r}"
        for key in now
        if key in before and before[key] != now[key] and key not in UNTOLD
    }
    meant = [phrase for key, phrase in changed.items() if key not in FREE]
    fixed = sorted(FIXED & set(changed))
    if meant and (fixed or not settings.resume_changed):
        raise InputError(
            f"--resume: {folder} was trained with other settings ({'; '.join(meant)}): give the "
            + (
                f"same, or start a run of its own: another {' and '.join(fixed)} cannot go on with "
                "its figures"
                if fixed
                else "same, start a run of its own, or go on all the same by --resume-changed"
            )
        )
    return list(changed.values())


def unused(command: str, reasons: Iterable[Tuple[str, bool, str]]) -> List[str]:
    """Flags that a command gives and other flags of it leave without effect, a phrase each.

    Parameters
    ----------
    command : str
        As it was given.
    reasons : iterable of (str, bool, str)
        A flag, whether it has no effect, and why.
    """
    given = {argument.split("=")[0] for argument in shlex.split(command)}
    return [f"{flag} {why}" for flag, useless, why in reasons if useless and flag in given]
