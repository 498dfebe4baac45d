"""What a run is: every setting of the training commands, as one typed, frozen dataclass.

A field carries its kind, help, defaults and what resuming may do with it (:mod:`.setting`). Flags
are made from that, ``settings.json`` is written and read from it, and a resumed run is held to it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ..data.datasets import find_dataset, list_datasets
from ..data.images import IMAGENET, usual_records
from ..models.naming import STRUCTURE, Network, network_from, short_name
from ..utils.errors import unknown
from ..utils.values import int_range, recorded, text
from .contradictions import displaced, refuse_contradictions, unused_settings
from .fields_data import DataSettings, DeviceSettings
from .fields_files import AUTO, FileSettings
from .fields_run import OptimizationSettings
from .lr_scheduler import Schedule, create_schedule
from .optimizers import COUNTING, EPSILONS, WITH_MOMENTUM
from .setting import MAPPING, OF_IMAGES, UNTOLD, setting, settings_of

#: Names of what makes up a network in `TrainConfig.from_args`.
NETWORK = ("model", "fusion", *STRUCTURE)


@dataclass(frozen=True)
class TrainConfig(DataSettings, DeviceSettings, OptimizationSettings, FileSettings):
    """All settings of a run. What a kind of data set has no use for keeps its default.

    ``TrainConfig()`` is a run of AFF-ResNet-32 on CIFAR-100; `from_args` gives others. Each field's
    help stands beside it.
    """

    command: str = setting(text, "", "the command that was given", "", UNTOLD)
    model: str = setting(
        recorded,
        "cifar_resnet32_askc",
        "the network's name",
        "",
        imagenet="resnet50_v1b_askc",
        segmentation="fpn_cifar_resnet32_askc",
    )
    generation: int = setting(
        int_range(1, 2),
        1,
        "generation of the published code whose networks and defaults are meant: 1, of the "
        "paper's first tables, or 2, the authors' later one. Where it is not said, a spelling "
        "that only the second knew means 2 (docs, 'Train')",
        "network",
        UNTOLD,
        OF_IMAGES,
    )
    model_kwargs: Dict[str, Any] = setting(
        MAPPING,
        {"fusion": "ASKCFuse", "classes": 100, "channel_times": 4},
        "the network's arguments, as aff.get_model takes them",
        "",
        imagenet={"fusion": "ASKCFuse", "classes": 1000},
        segmentation={"fusion": "ASKCFuse", "classes": 2},
    )

    @classmethod
    def defaults(cls, data: str, generation: int = 1) -> TrainConfig:
        """Return the defaults for a kind of data set, of a generation of the published code."""
        usual = {name: item.default(data, generation) for name, item in settings_of(cls).items()}
        return cls(**{**usual, "generation": generation})

    @classmethod
    def from_args(
        cls,
        given: Mapping[str, Any],
        data: str,
        base: Optional[TrainConfig] = None,
        network: Optional[Network] = None,
    ) -> TrainConfig:
        """Return a configuration from what was given by name; a pure function.

        Parameters
        ----------
        given : mapping of str to object
            Values of fields and, of the network, of `NETWORK`: `model` (a short name, too),
            `fusion` and what changes its structure.
        data : str
            The kind of data set: ``'cifar'``, ``'imagenet'`` or ``'segmentation'``.
        base : TrainConfig, optional
            What `given` does not say; by default the defaults.
        network : (str, dict), optional
            The network that `given` changes, where it names none itself: by default that of `base`.

        Raises
        ------
        InputError
            For an unknown network, fusion or data set, or what the network does not have.
        """
        start = base or cls.defaults(data, given.get("generation", 1))
        values = {key: value for key, value in given.items() if key not in NETWORK}
        usual = asdict(cls.defaults(data, start.generation))
        start = replace(start, **{key: usual[key] for key in displaced(values)})
        config = replace(start, **values)
        record = find_dataset(config.dataset)
        if record.kind != data:
            raise unknown("data set here", record.name, list_datasets(data))
        named = {key: given[key] for key in NETWORK if key in given}
        before = network or ((base.model, base.model_kwargs) if base else None)
        model, kwargs = network_from(named, record.kind, before, config.generation)
        other = config.dataset != start.dataset and "labels" not in given
        labels = None if other else config.labels
        if config.lr_decay_period:
            period = config.lr_decay_period
            config = replace(config, lr_decay_epoch=list(range(period, config.num_epochs, period)))
        return replace(
            config.of_the_second() if config.generation == 2 and not base else config,
            model=model,
            model_kwargs={"fusion": kwargs.pop("fusion"), "classes": record.classes, **kwargs},
            labels=labels or record.default_labels,
        )

    def of_the_second(self) -> TrainConfig:
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
            tensorboard=self.tensorboard and AUTO,
            discard=True,
        )

    @property
    def mixes(self) -> bool:
        """Whether batches are mixed, by mixup or CutMix."""
        return self.mixup or self.cutmix_alpha > 0

    @property
    def mixup_until(self) -> int:
        """First epoch without mixup and CutMix."""
        return max(0, self.num_epochs - self.mixup_off_epoch) if self.mixes else 0

    @property
    def never_decays(self) -> bool:
        """Whether all steps of the learning rate come after the last epoch."""
        return self.lr_mode == "step" and min(self.lr_decay_epoch, default=0) >= self.num_epochs

    @property
    def last_epoch(self) -> int:
        """Number of epochs after which the run ends; one where it only tries."""
        return self.resume_epoch + 1 if self.smoke else self.num_epochs

    @property
    def kind(self) -> str:
        """Kind of the data set."""
        return find_dataset(self.dataset).kind

    @property
    def image_size(self) -> int:
        """Height and width of images as the network sees them in training."""
        return self.input_size or self.crop_size or find_dataset(self.dataset).size

    @property
    def name(self) -> str:
        """The run's name, of which its folders' names are made."""
        labels = "-coarse" if self.labels == "coarse" else ""
        return f"{self.dataset}{labels}-{short_name(self.model, self.model_kwargs)}"

    @property
    def data(self) -> Dict[str, Any]:
        """What an evaluation has to know of the data, as ``settings.json`` keeps it."""
        known: Dict[str, Any] = {"dataset": self.dataset, "labels": self.labels}
        if self.kind == "segmentation":
            return {**known, "data_dir": _absolute(self.data_dir), "val_split": self.val_split}
        if self.kind == "cifar":
            known["data_dir"] = _absolute(self.data_dir)
            if find_dataset(self.dataset).is_open:
                known.update(
                    input_size=self.input_size,
                    normalize_as=self.normalize_as,
                    val_split=self.val_split,
                )
            return known
        held_out = self.use_rec and self.val_split and not self.rec_val
        part = "train" if held_out else "val"
        records, index = (getattr(self, f"rec_{part}{end}") for end in ("", "_idx"))
        return {
            **known,
            "data_dir": None if self.use_rec else _absolute(self.data_dir or IMAGENET),
            "rec_val": _absolute(records or usual_records(part)) if self.use_rec else None,
            "rec_val_idx": _absolute(index) if self.use_rec else None,
            "input_size": self.input_size,
            "crop_ratio": self.crop_ratio,
            "val_split": self.val_split if held_out or not self.use_rec else 0.0,
        }

    @property
    def optimizer_settings(self) -> Dict[str, float]:
        """What the optimizer takes beside learning rate and weight decay."""
        if self.optimizer in WITH_MOMENTUM:
            return {"momentum": self.momentum}
        epsilon = self.epsilon or EPSILONS[self.optimizer]
        if self.optimizer not in COUNTING:
            return {"eps": epsilon}
        return {"beta1": self.beta1, "beta2": self.beta2, "epsilon": epsilon}

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
        refuse_contradictions(self)
        self.schedule(1)  # which refuses a warm-up longer than the run
        return self

    def unused(self, given: Iterable[str]) -> List[str]:
        """Return those of the settings `given` that others leave without effect, a phrase each."""
        return unused_settings(self, set(given))


def _absolute(path: Optional[str]) -> Optional[str]:
    return path and os.path.abspath(os.path.expanduser(path))
