"""What a run is: every setting of both training scripts, as one typed, frozen dataclass.

A field carries its kind, help, defaults and what resuming may do with it (:mod:`.setting`). Flags
are made from that, ``settings.json`` is written and read from it, and a resumed run is held to it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ..data.datasets import find_dataset, list_datasets
from ..data.images import IMAGENET, usual_records
from ..models.naming import STRUCTURE, network_from, short_name
from ..utils.errors import InputError, unknown
from ..utils.values import int_range, nonempty, text
from .fields_data import DataSettings, DeviceSettings
from .fields_run import FileSettings, OptimizationSettings
from .lr_scheduler import Schedule, create_schedule
from .setting import MAPPING, UNTOLD, setting, settings_of

#: Names of what makes up a network in `TrainConfig.from_args`.
NETWORK = ("model", "fusion", *STRUCTURE)
#: Settings that do nothing without another.
NEEDS = (
    ("rec_train", "use_rec"),
    ("rec_val", "use_rec"),
    ("rec_train_idx", "rec_train"),
    ("rec_val_idx", "rec_val"),
    ("teacher_params", "teacher"),
    ("resume_states", "resume_params"),
    ("resume_epoch", "resume_params"),
    ("resume_changed", "resume"),
)


@dataclass(frozen=True)
class TrainConfig(DataSettings, DeviceSettings, OptimizationSettings, FileSettings):
    """All settings of a run. What a kind of data set has no use for keeps its default.

    ``TrainConfig()`` is a run of AFF-ResNet-32 on CIFAR-100; `from_args` gives others. Each field's
    help stands beside it.
    """

    command: str = setting(text, "", "the command that was given", "", UNTOLD)
    model: str = setting(
        nonempty, "cifar_resnet32_askc", "the network's name", "", imagenet="resnet50_v1b_askc"
    )
    generation: int = setting(
        int_range(1, 2),
        1,
        "generation of the published code whose networks and defaults are meant: 1, of the "
        "paper's first tables, or 2, the authors' later one. Where it is not said, a spelling "
        "that only the second knew means 2 (docs, 'Train')",
        "network",
        UNTOLD,
    )
    model_kwargs: Dict[str, Any] = setting(
        MAPPING,
        {"fusion": "ASKCFuse", "classes": 100, "channel_times": 4},
        "the network's arguments, as aff.get_model takes them",
        "",
        imagenet={"fusion": "ASKCFuse", "classes": 1000},
    )

    @classmethod
    def defaults(cls, data: str, generation: int = 1) -> TrainConfig:
        """Return the defaults for a kind of data set, ``'cifar'`` or ``'imagenet'``, of a
        generation of the published code.
        """
        usual = {name: item.default(data, generation) for name, item in settings_of(cls).items()}
        return cls(**{**usual, "generation": generation})

    @classmethod
    def from_args(
        cls, given: Mapping[str, Any], data: str, base: Optional[TrainConfig] = None
    ) -> TrainConfig:
        """Return a configuration from what was given by name; a pure function.

        Parameters
        ----------
        given : mapping of str to object
            Values of fields and, of the network, of `NETWORK`: `model` (a short name, too),
            `fusion` and what changes its structure.
        data : str
            The kind of data set, ``'cifar'`` or ``'imagenet'``.
        base : TrainConfig, optional
            What `given` does not say; by default the defaults.

        Raises
        ------
        InputError
            For an unknown network, fusion or data set, or what the network does not have.
        """
        start = base or cls.defaults(data, given.get("generation", 1))
        values = {key: value for key, value in given.items() if key not in NETWORK}
        config = replace(start, **values)
        record = find_dataset(config.dataset)
        if record.kind != data:
            raise unknown("data set here", record.name, list_datasets(data))
        network = {key: given[key] for key in NETWORK if key in given}
        before = (base.model, base.model_kwargs) if base else None
        model, kwargs = network_from(network, record.kind, before, config.generation)
        other = config.dataset != start.dataset and "labels" not in given
        labels = None if other else config.labels
        if config.lr_decay_period:
            period = config.lr_decay_period
            config = replace(config, lr_decay_epoch=list(range(period, config.num_epochs, period)))
        return replace(
            config._of_the_second() if config.generation == 2 and not base else config,
            model=model,
            model_kwargs={"fusion": kwargs.pop("fusion"), "classes": record.classes, **kwargs},
            labels=labels or record.default_labels,
        )

    def _of_the_second(self) -> TrainConfig:
        """Return what the settings meant in generation 2, in today's terms.

        Its CIFAR script warmed up only before a cosine; without one, the decays came earlier by the
        epochs of warm-up, as its logs show. Its loader of ``.rec`` files knew no AutoAugment.
        """
        if self.kind == "imagenet":
            return replace(self, auto_aug=self.auto_aug and not self.use_rec)
        if self.lr_mode == "cosine":
            return self
        earlier = [epoch - self.warmup_epochs for epoch in self.lr_decay_epoch]
        return replace(
            self, warmup_epochs=0, lr_decay_epoch=[epoch for epoch in earlier if epoch > 0]
        )

    def for_classes(self, classes: int) -> TrainConfig:
        """Return the same run with a network of so many outputs."""
        return replace(self, model_kwargs={**self.model_kwargs, "classes": classes})

    def within(self, folder: str) -> TrainConfig:
        """Return the same run with its files in `folder`, which is removed at its end."""
        return replace(
            self,
            save_dir=os.path.join(folder, "params"),
            logging_dir=os.path.join(folder, "logs"),
            logging_file=None,
            discard=True,
        )

    @property
    def mixup_until(self) -> int:
        """First epoch without mixup."""
        return max(0, self.num_epochs - self.mixup_off_epoch) if self.mixup else 0

    @property
    def last_epoch(self) -> int:
        """Number of epochs after which the run ends; one where it only tries."""
        return self.resume_epoch + 1 if self.smoke else self.num_epochs

    @property
    def kind(self) -> str:
        """Kind of the data set: ``'cifar'`` or ``'imagenet'``."""
        return find_dataset(self.dataset).kind

    @property
    def name(self) -> str:
        """The run's name, of which its folders' names are made."""
        labels = "-coarse" if self.labels == "coarse" else ""
        return f"{self.dataset}{labels}-{short_name(self.model, self.model_kwargs)}"

    @property
    def data(self) -> Dict[str, Any]:
        """What an evaluation has to know of the data, as ``settings.json`` keeps it."""
        known: Dict[str, Any] = {"dataset": self.dataset, "labels": self.labels}
        if self.kind == "cifar":
            return {**known, "data_dir": self.data_dir and os.path.abspath(self.data_dir)}
        return {
            **known,
            "data_dir": None if self.use_rec else _absolute(self.data_dir or IMAGENET),
            "rec_val": _absolute(self.rec_val or usual_records("val")) if self.use_rec else None,
            "rec_val_idx": _absolute(self.rec_val_idx) if self.use_rec else None,
            "input_size": self.input_size,
            "crop_ratio": self.crop_ratio,
        }

    def schedule(self, steps_per_epoch: int) -> Schedule:
        """Return the learning rate of every step."""
        return create_schedule(
            self.lr,
            self.num_epochs,
            steps_per_epoch,
            self.lr_mode,
            self.warmup_epochs,
            self.warmup_lr,
            self.lr_decay,
            self.lr_decay_epoch,
        )

    def as_dict(self) -> Dict[str, Any]:
        """Return all fields, as JSON keeps them."""
        return asdict(self)

    def check(self) -> TrainConfig:
        """Refuse settings that contradict each other; gives the configuration.

        Raises
        ------
        InputError
            Which names the settings.
        """
        for key, other in NEEDS:
            if getattr(self, key) and not getattr(self, other):
                raise InputError(f"{{{key}}} needs {{{other}}}")
        if self.use_rec and self.data_dir:
            raise InputError("{data_dir} names folders of images, {use_rec} .rec files: give one")
        if self.smoke and self.resume not in (None, "auto"):
            raise InputError(
                f"{{smoke}} tries a run from its start: leave {{resume}} {self.resume} out"
            )
        for key in ("resume_params", "resume_states"):
            path = getattr(self, key)
            if path and not os.path.isfile(path):
                raise InputError(f"{{{key}}} {path}: no such file")
        if self.resume_epoch >= self.num_epochs:
            raise InputError(
                f"{{resume_epoch}} {self.resume_epoch}: {{num_epochs}} {self.num_epochs} leaves no "
                "epoch to train"
            )
        _check_log(self.logging_file)
        self.schedule(1)  # which refuses a warm-up longer than the run
        return self

    def unused(self, given: Iterable[str]) -> List[str]:
        """Return those of the settings `given` that others leave without effect, a phrase each."""
        stepless = self.lr_mode != "step"
        mode = f"with a {self.lr_mode} learning rate"
        first = min(self.lr_decay_epoch, default=0)
        last = max(self.lr_decay_epoch, default=0)
        beyond = f"beyond {{num_epochs}} {self.num_epochs}"
        reasons = (
            ("mixup_alpha", not self.mixup, "without mixup"),
            ("mixup_off_epoch", not self.mixup, "without mixup"),
            ("warmup_lr", not self.warmup_epochs, "without {warmup_epochs}"),
            ("lr_decay", stepless, mode),
            ("lr_decay_epoch", stepless, mode),
            ("lr_decay_period", stepless, mode),
            ("lr_decay_epoch", not stepless and self.lr_decay_period > 0, "with {lr_decay_period}"),
            (
                "lr_decay_epoch",
                not stepless
                and not self.lr_decay_period
                and (last if self.kind == "cifar" else first) >= self.num_epochs,
                beyond,
            ),
            ("lr_decay_period", not stepless and self.lr_decay_period >= self.num_epochs, beyond),
            ("gpus", self.cpus is not None and bool(self.gpus), "with {cpus}"),
            ("num_gpus", self.cpus is not None and self.num_gpus > 0, "with {cpus}"),
            ("temperature", not self.teacher, "without {teacher}"),
            ("hard_weight", not self.teacher, "without {teacher}"),
        )
        known = set(given)
        return [f"{{{key}}} {why}" for key, useless, why in reasons if useless and key in known]


def _absolute(path: Optional[str]) -> Optional[str]:
    return path and os.path.abspath(os.path.expanduser(path))


def _check_log(file: Optional[str]) -> None:
    """Refuse a text log that cannot be written."""
    if not file:
        return
    folder = os.path.dirname(os.path.abspath(file))
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(f"{{logging_file}} {file}: {folder} is no folder to write to")
    if os.path.isdir(file):
        raise InputError(f"{{logging_file}} {file}: is a folder")
