"""What ``aff evaluate`` is to evaluate: which network, parameters and data."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from ...models.factory import resolve_model
from ...models.weights import DEFAULT_ROOT, PUBLISHED, Published, find_published
from ...training.run_folder import SETTINGS
from ...utils.errors import InputError
from ...utils.files import read_json
from .networks import FLAGS, resolve

IMAGENET = "imagenet"
DATA = ("dataset", "data_dir", "labels", "rec_val", "rec_val_idx", "input_size", "crop_ratio")


@dataclass
class Subject:
    """Network, parameters and data of an evaluation.

    Parameters
    ----------
    model, kwargs : str and dict
        The network, as `aff.get_model` takes it.
    params : str
        The parameter file.
    dataset, data_dir, labels, rec_val, rec_val_idx, input_size, crop_ratio
        The data, as the command's flags name it.
    dtype : str
        Number format that the network was trained in.
    published : Published, optional
        The record of published parameters.
    """

    model: str
    kwargs: Dict[str, Any]
    params: str
    dataset: str
    data_dir: Optional[str] = None
    labels: Optional[str] = None
    rec_val: Optional[str] = None
    rec_val_idx: Optional[str] = None
    input_size: Optional[int] = None
    crop_ratio: Optional[float] = None
    dtype: str = "float32"
    published: Optional[Published] = None


def find_subject(options: argparse.Namespace, classes: Dict[str, int]) -> Subject:
    """What the flags, and the run's settings beside a parameter file, say.

    Parameters
    ----------
    options : argparse.Namespace
        The command's flags.
    classes : dict of str to int
        Outputs of a network for each data set; ImageNet's are 1000.

    Raises
    ------
    InputError
        For flags that contradict each other or leave something open, or damaged settings.
    """
    subject = _published(options) if options.name else _of_file(options, classes)
    for flag, value in (
        ("--rec-val", options.rec_val),
        ("--input-size", options.input_size),
        ("--crop-ratio", options.crop_ratio),
    ):
        if value and subject.dataset != IMAGENET:
            raise InputError(f"{flag} is for {IMAGENET}; this is {subject.dataset}")
    if options.rec_val_idx and not options.rec_val:
        raise InputError("--rec-val-idx needs --rec-val")
    if options.root and not options.name:
        raise InputError("--root is the folder of published parameters: it needs their NAME")
    if subject.labels and subject.dataset != "cifar100":
        raise InputError(f"--labels is for cifar100; this is {subject.dataset}")
    return subject


def _published(options: argparse.Namespace) -> Subject:
    record = find_published(options.name)
    if options.model or options.fusion or any(hasattr(options, flag) for flag in FLAGS):
        raise InputError(f"{record.name} says which network it is: leave the network's flags out")
    if options.dataset not in (None, record.dataset):
        raise InputError(f"{record.name} was published for {record.dataset}, not {options.dataset}")
    return Subject(
        model=record.model,
        kwargs=record.kwargs,
        params=os.path.join(options.root or DEFAULT_ROOT, record.filename),
        dataset=record.dataset,
        data_dir=options.data_dir,
        labels=options.labels or record.label_set,
        rec_val=options.rec_val,
        rec_val_idx=options.rec_val_idx,
        input_size=options.input_size,
        crop_ratio=options.crop_ratio,
        dtype="float16" if record.dataset == IMAGENET else "float32",
        published=record,
    )


def _of_file(options: argparse.Namespace, classes: Dict[str, int]) -> Subject:
    if not os.path.isfile(options.params):
        raise InputError(f"--params {options.params}: no such file")
    path = os.path.join(os.path.dirname(options.params), SETTINGS)
    run = read_json(path) if os.path.isfile(path) else {}
    try:
        dtype = run.get("training", {}).get("dtype", "float32")
        data = dict(run.get("data") or {})
        if options.dataset:
            data = {"dataset": options.dataset}
        if options.data_dir or options.rec_val:
            data = {**data, "data_dir": None, "rec_val": None, "rec_val_idx": None}
        data = {key: getattr(options, key) or data.get(key) for key in DATA}
        if data["dataset"] is None:
            raise InputError(f"no {SETTINGS} beside {options.params}: name the data with --dataset")
        model = _model_of(options, run, {**classes, IMAGENET: 1000}[data["dataset"]])
        model[1]["classes"], model[1]["fusion"]
        return Subject(model=model[0], kwargs=model[1], params=options.params, dtype=dtype, **data)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a run's settings ({error!r})") from error


def _model_of(options: argparse.Namespace, run: dict, classes: int) -> Tuple[str, Dict[str, Any]]:
    """Name and arguments of the network that the flags or the run's settings name."""
    flags = any(hasattr(options, flag) for flag in FLAGS)
    if options.model in PUBLISHED:
        if options.fusion or flags:
            raise InputError(f"{options.model} says all of the network: leave its flags out")
        return resolve_model(options.model)
    if options.model:
        options.fusion = options.fusion or "ASKCFuse"
        return resolve(options, classes)
    if flags:
        raise InputError("flags of the network need --model")
    if not run.get("model"):
        raise InputError(
            f"no {SETTINGS} beside {options.params}: name the network with --model, and --fusion, "
            "--blocks, --channel-times as they were trained"
        )
    name, kwargs = run["model"]["name"], dict(run["model"]["kwargs"])
    if options.fusion:
        kwargs["fusion"] = options.fusion
    return name, kwargs
