"""The flags of the training commands that say which images a run sees and what becomes of them, for
commands that show them.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Dict, Mapping, Optional

from ...data.datasets import dataset_name, find_dataset, list_datasets
from ...data.mask_folders import holds_masks
from ...training.config import TrainConfig
from ...training.logger import SETTINGS
from ...training.setting import settings_of
from ...training.settings_file import read_config, read_settings
from ...utils.errors import InputError
from .config_flags import add_config_file, add_field
from .parser import Parser
from .spellings import spelling_at
from .training import configure

FIELDS = (
    *("labels", "use_rec", "rec_train", "rec_train_idx", "rec_val", "rec_val_idx"),
    *("data_dir", "input_size", "normalize_as", "crop_size", "scale", "mirror", "max_bad_records"),
    *("gpus", "num_gpus", "cpus", "batch_size", "grad_accum_steps", "num_epochs"),
    *("mixup", "mixup_alpha", "mixup_off_epoch", "cutmix_alpha", "mixup_cutmix_prob"),
    *("random_erasing", "rand_aug", "auto_aug", "seed", "val_split"),
    "train_fraction",
)
KINDS = {
    "cifar": "small images in memory",
    "imagenet": "image files",
    "segmentation": "images with masks",
}
CONFIGURATIONS = (".json", ".yaml", ".yml")


def add_image_flags(parser: Parser) -> None:
    """Add the flags, each as the scripts spell it that have it; what is not given is left out of
    the result.
    """
    groups: Dict[str, Any] = {"data": parser.add_argument_group("data")}
    groups["data"].add_argument(
        "--dataset",
        type=dataset_name,
        default=argparse.SUPPRESS,
        help=f"data set: {', '.join(name for kind in KINDS for name in list_datasets(kind))}",
    )
    add_config_file(groups["data"])
    for field in FIELDS:
        item = settings_of(TrainConfig)[field]
        if item.group not in groups:
            groups[item.group] = parser.add_argument_group(item.group)
        kinds = [data for data in KINDS if data in item.only]
        spelled = {spelling_at(field, data).names for data in kinds}
        for together in [kinds] if len(spelled) == 1 else [[data] for data in kinds]:
            add_field(groups[item.group], field, item, together)


def named_by(data: str) -> Dict[str, Any]:
    """Return what DATA names, as flags would: a data set by its name, a folder of images, a .rec
    file, or the settings of a run, by its folder or file.

    Raises
    ------
    InputError
        For what is none of them.
    """
    if os.path.isdir(data):
        if data in list_datasets():
            raise InputError(
                f"{data}: is a data set's name, and a folder here: name that as "
                f"{os.path.join(os.curdir, data)}, or the data set with {{dataset}}"
            )
        path = os.path.join(data, SETTINGS)
        return {"config": path, **_folder_of(data)} if os.path.isfile(path) else {"data_dir": data}
    if data.endswith(CONFIGURATIONS):
        return {"config": data}
    if data.endswith(".rec"):
        return {"use_rec": True, "rec_train": data}
    if os.sep in data:
        raise InputError(f"{data}: no such folder")
    return {"dataset": dataset_name(data)}


def _folder_of(run: str) -> Dict[str, str]:
    """Return the folder of a run's data, wherever it was started."""
    where = (read_settings(run).data or {}).get("data_dir")
    return {"data_dir": where} if isinstance(where, str) else {}


def config_of_images(data: Optional[str], given: Mapping[str, Any]) -> TrainConfig:
    """Return the configuration of the run whose images are named, by DATA or by flags.

    Raises
    ------
    InputError
        Where none are named, or one thing twice, and for settings that they do not have.
    """
    named = named_by(data) if data else {}
    twice = sorted(set(named) & set(given) - ({"data_dir"} if "config" in named else set()))
    if twice:
        raise InputError(f"{data} and {{{twice[0]}}} {given[twice[0]]}: name one")
    given = {**named, **given}
    if "dataset" in given:
        kind = find_dataset(given["dataset"]).kind
    elif "config" in given:
        kind = read_config(given["config"]).kind
    elif {"data_dir", "use_rec"} & set(given):
        masked = "use_rec" not in given and holds_masks(given["data_dir"])
        kind = "segmentation" if masked else "imagenet"
    else:
        raise InputError("name a data set, a folder of images, or a run's folder: see --help")
    for field in set(FIELDS) & set(given):
        only = settings_of(TrainConfig)[field].only
        if kind not in only:
            fit = " and ".join(KINDS[one] for one in only)
            raise InputError(f"{{{field}}} is for {fit}, not for {KINDS[kind]}")
    return configure(kind, given)
