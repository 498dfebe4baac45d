"""How each training script spells the fields of `TrainConfig`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Tuple

from ...data.mixup import LABEL_SMOOTHING_ETA
from ...training.fields_files import AUTO
from .guard import flag


@dataclass(frozen=True)
class Spelling:
    """How a script spells a field, where that is not its name.

    Parameters
    ----------
    names : tuple of str
        The flag and its aliases.
    const : object, optional
        What the flag stands for, where it takes no value.
    help : str
        In place of the field's.
    """

    names: Tuple[str, ...]
    const: Any = None
    help: str = ""


COMMON = {
    "num_workers": Spelling(("-j", "--num-data-workers")),
    "resume_params": Spelling(("--resume-params", "--resume-from")),
    "save_period": Spelling(("--save-period", "--save-frequency")),
}
SPELLINGS: Dict[str, Dict[str, Spelling]] = {
    "cifar": {
        **COMMON,
        "lr_mode": Spelling(
            ("--cosine",), "cosine", "half a cosine to 0 instead of decays at some epochs"
        ),
        "mixup": Spelling(
            ("--no-mixup",),
            False,
            "train without mixup, which is on otherwise (generation 2: off, but for --mixup)",
        ),
        "mirror": Spelling(("--no-mirror",), False, "never mirror an image"),
        "input_size": Spelling(
            ("--input-size",),
            help="height and width that images of --dataset folder are scaled to; 0: 32",
        ),
    },
    "imagenet": {
        **COMMON,
        "gpus": Spelling(
            ("--gpus",), help="GPU numbers, such as 0,1,2, in place of how many; '': the CPU"
        ),
    },
    "segmentation": {
        **COMMON,
        "data_dir": Spelling(
            ("--data-dir",),
            help="folder of train/images/ and train/masks/, and val/ alike (or images/ and masks/ "
            "alone, and --val-split), or of Pascal VOC's JPEGImages/ and SegmentationClass/",
        ),
        "mirror": Spelling(("--no-mirror",), False, "never mirror an image"),
        "val_split": Spelling(
            ("--val-split",),
            help="fraction of the training images to hold out, whatever they show, and choose the "
            "best epoch by; test/, or else val/, reports then. At 0 val/ chooses, and test/ beside "
            "it reports",
        ),
        "train_fraction": Spelling(
            ("--train-fraction",),
            help="fraction of the training images to train on, whatever they show, drawn by the "
            "seed, of those that are not held out: for questions of how much data is needed",
        ),
        "finetune": Spelling(
            ("--finetune",),
            help="start from these parameters, of a segmentation network, or of a classifier whose "
            "stem and stages become the backbone: the NAME of published ones, a run's folder, or a "
            "file. The network is theirs (over a classifier an FPN), unless other flags name one",
        ),
        "freeze": Spelling(
            ("--freeze",),
            help="parts of the backbone that stand still, separated by commas: stem, stage1 and so "
            "on, or backbone for all; their BatchNorms keep their running statistics",
        ),
    },
}
#: Spellings of a setting that are the other script's own: flag, field, and what it stands for where
#: it takes no value. ``--mixup`` of generation 2 keeps `train_cifar.py` from taking it so.
ALIASES: Dict[str, Tuple[Tuple[str, str, Any], ...]] = {
    "cifar": (("--lr-mode", "lr_mode", None), ("--num-gpus", "gpus", None)),
    "imagenet": (("--cosine", "lr_mode", "cosine"), ("--no-mixup", "mixup", False)),
    "segmentation": (),
}
#: Spellings that only generation 2's scripts knew, by script: flag, field, and what it stands for
#: where it takes no value.
SECOND = {
    "cifar": (("--auto_aug", "auto_aug", True), ("--mixup", "mixup", True)),
    "imagenet": (("--auto_aug", "auto_aug", True), ("--num-layer", "num_layers", None)),
    "segmentation": (),
}
#: And names of networks.
SECOND_MODELS = {"cifar": ("resnext",), "imagenet": ("resnet", "resnext"), "segmentation": ()}
#: Fields whose flags need no value, and what they stand for without.
WITHOUT_VALUE = {"label_smoothing": LABEL_SMOOTHING_ETA, "tensorboard": AUTO}
#: Fields whose flags take several values.
SEVERAL = {"rand_aug": ("N", "M"), "scale": ("MIN", "MAX")}
METAVARS = {"resume": "auto|DIR", "tensorboard": "DIR", "max_bad_records": "SHARE"}
#: Fields whose values are files.
FILES = (
    *("rec_train", "rec_train_idx", "rec_val", "rec_val_idx"),
    *("teacher_params", "resume_params", "resume_states"),
)


def spelling_at(field: str, data: str) -> Spelling:
    """Return how the script for a kind of data set spells a field, and its aliases."""
    return SPELLINGS[data].get(field, Spelling((flag(field),)))


def spelling_of(data: str) -> Callable[[str], str]:
    """Return how the script for a kind of data set spells a field."""
    return lambda field: spelling_at(field, data).names[0]
