"""Settings of a run that contradict each other, or leave each other without effect."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Collection, List, Optional

from ..data.datasets import find_dataset
from ..nn.fusion import heeds_ratio
from ..utils.errors import InputError
from .optimizers import COUNTING, WITH_MOMENTUM

if TYPE_CHECKING:
    from .config import TrainConfig

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

#: Settings of which one takes the place of the other.
RIVALS = (("use_rec", "data_dir"), ("auto_aug", "rand_aug"))


def displaced(given: Collection[str]) -> List[str]:
    """Return the settings that have to be left out of others, a run's, for those that are given."""
    out = [
        other
        for pair in RIVALS
        for one, other in (pair, pair[::-1])
        if one in given and other not in given
    ]
    for key, other in NEEDS:
        if other in out and key not in given:
            out.append(key)
    return out


def refuse_contradictions(config: TrainConfig) -> None:
    """Refuse settings that contradict each other.

    Raises
    ------
    InputError
        Which names the settings.
    """
    for key, other in NEEDS:
        if getattr(config, key) and not getattr(config, other):
            raise InputError(f"{{{key}}} needs {{{other}}}")
    find_dataset(config.dataset).check_labels(config.labels)
    if config.use_rec and config.data_dir:
        raise InputError("{data_dir} names folders of images, {use_rec} .rec files: give one")
    if config.smoke and config.resume not in (None, "auto"):
        raise InputError(
            f"{{smoke}} tries a run from its start: leave {{resume}} {config.resume} out"
        )
    if config.auto_aug and config.rand_aug:
        raise InputError("{auto_aug} and {rand_aug} are two policies: give one")
    _check_finetuning(config)
    if config.kind == "cifar" and not find_dataset(config.dataset).is_open:
        for key in ("input_size", "normalize_as"):
            if getattr(config, key):
                raise InputError(f"{{{key}}} is for {{dataset}} folder, this is {config.dataset}")
    _check_files(config)
    if config.resume_epoch >= config.num_epochs:
        raise InputError(
            f"{{resume_epoch}} {config.resume_epoch}: {{num_epochs}} {config.num_epochs} leaves no "
            "epoch to train"
        )


def _check_finetuning(config: TrainConfig) -> None:
    if config.finetune and config.resume_params:
        raise InputError("{finetune} and {resume_params} both say what to start from: give one")
    if config.freeze and not (config.finetune or config.resume_params):
        raise InputError(
            "{freeze} needs {finetune} or {resume_params}: what stands still would stay as it "
            "was drawn at random"
        )


def _check_files(config: TrainConfig) -> None:
    for key in ("resume_params", "resume_states"):
        path = getattr(config, key)
        if path and not os.path.isfile(path):
            raise InputError(f"{{{key}}} {path}: no such file")
    _check_log(config.logging_file)


def unused_settings(config: TrainConfig, given: Collection[str]) -> List[str]:
    """Return those of the settings `given` that others leave without effect, a phrase each."""
    optimized = f"with {{optimizer}} {config.optimizer}"
    stepless = config.lr_mode != "step"
    mode = f"with a {config.lr_mode} learning rate"
    beyond = f"beyond {{num_epochs}} {config.num_epochs}"
    reasons = (
        ("mixup_alpha", not config.mixup, "without mixup"),
        ("mixup_off_epoch", not config.mixes, "without mixup"),
        (
            "mixup_cutmix_prob",
            not (config.mixup and config.cutmix_alpha),
            "without both mixup and {cutmix_alpha}",
        ),
        ("momentum", config.optimizer not in WITH_MOMENTUM, optimized),
        ("beta1", config.optimizer not in COUNTING, optimized),
        ("beta2", config.optimizer not in COUNTING, optimized),
        ("epsilon", config.optimizer in WITH_MOMENTUM, optimized),
        (
            "warmup_epochs",
            config.generation == 2
            and config.kind == "cifar"
            and not (stepless or config.warmup_epochs),
            "in generation 2 without a cosine, but for decays that come so many epochs earlier",
        ),
        (
            "auto_aug",
            config.generation == 2 and config.use_rec and not config.auto_aug,
            "in generation 2 with {use_rec}",
        ),
        ("warmup_lr", not config.warmup_epochs, "without {warmup_epochs}"),
        ("lr_decay", stepless, mode),
        ("lr_decay_epoch", stepless, mode),
        ("lr_decay_period", stepless, mode),
        ("lr_decay_epoch", not stepless and config.lr_decay_period > 0, "with {lr_decay_period}"),
        ("lr_decay_epoch", config.never_decays and not config.lr_decay_period, beyond),
        ("lr_decay_period", not stepless and config.lr_decay_period >= config.num_epochs, beyond),
        ("gpus", config.cpus is not None and bool(config.gpus), "with {cpus}"),
        ("num_gpus", config.cpus is not None and config.num_gpus > 0, "with {cpus}"),
        ("temperature", not config.teacher, "without {teacher}"),
        ("hard_weight", not config.teacher, "without {teacher}"),
        (
            "save_minutes",
            config.kvstore.startswith("dist"),
            f"with {{kvstore}} {config.kvstore}: its workers do not come to the same step",
        ),
    )
    unheeded = [f"{{{key}}} {why}" for key, useless, why in reasons if useless and key in given]
    return unheeded + _unheeded_ratios(config, given)


def _unheeded_ratios(config: TrainConfig, given: Collection[str]) -> List[str]:
    """Return the reduction ratios `given` that their fusions do not heed, a phrase each."""
    fusions = {
        "r": ("fusion", config.model_kwargs["fusion"]),
        "backbone_r": ("backbone_fusion", config.model_kwargs.get("backbone_fusion", "DirectAdd")),
    }
    return [
        f"{{{key}}} with {{{place}}} {name}, no layer of which has C/r channels"
        for key, (place, name) in fusions.items()
        if key in given and not heeds_ratio(name)
    ]


def _check_log(file: Optional[str]) -> None:
    """Refuse a text log that cannot be written."""
    if not file:
        return
    folder = os.path.dirname(os.path.abspath(file))
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(f"{{logging_file}} {file}: {folder} is no folder to write to")
    if os.path.lexists(file) and not os.path.isfile(file) and file != os.devnull:
        raise InputError(f"{{logging_file}} {file}: is a folder, or another thing that is no file")
