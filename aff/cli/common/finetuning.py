"""What a run takes over from the parameters that it is to start from."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional, Tuple

from ...data.datasets import find_dataset
from ...inference.locate import find_file, known_of
from ...inference.network import check_fits
from ...inference.spec import EvaluationSpec, find_spec, source_of
from ...models.naming import SUITED, Network
from ...models.registry import find_family
from ...models.weights import fetch
from ...training.checkpoint import newest_checkpoint
from ...training.config import TrainConfig
from ...training.finetune import Origin
from ...training.logger import SETTINGS
from ...training.settings_file import read_config
from ...utils.errors import InputError, telling

#: What fine-tunes networks of a kind.
COMMANDS = {
    "cifar": "train_cifar.py",
    "imagenet": "train_imagenet.py",
    "segmentation": "aff train-seg",
}
USUAL_FUSION = "ASKCFuse"


def spec_of(source: str) -> Optional[EvaluationSpec]:
    """Return what is known of parameters; None of a file of which nothing is.

    Raises
    ------
    InputError
        For what names no parameters.
    """
    path = find_file(source)
    if path is None or not os.path.isfile(path) or known_of(path).model:
        return find_spec(source)
    return None


def kept_settings(fields: Mapping[str, Any]) -> Optional[TrainConfig]:
    """Return the settings of the run that is gone on with, where its folder is named and it started
    from the same parameters, which may be gone by now.
    """
    resume = fields.get("resume")
    folder = fields.get("save_dir") if resume == "auto" else resume
    checkpoint = newest_checkpoint(folder) if folder else None
    path = os.path.join(os.path.dirname(checkpoint or ""), SETTINGS)
    if not checkpoint or not os.path.isfile(path):
        return None
    kept = read_config(path)
    return kept if kept.finetune == fields["finetune"] else None


def taken_over(
    fields: Mapping[str, Any], kind: str, has_model: bool
) -> Tuple[Optional[Network], Dict[str, Any]]:
    """Return the network of the parameters to fine-tune, and those settings of its images that were
    not given.

    Parameters
    ----------
    fields : mapping
        The settings that were given; `finetune` is a published NAME, a run's folder, or a file.
    kind : str
        The kind of the run's data.
    has_model : bool
        Whether flags name a network.

    Raises
    ------
    InputError
        For a file of which nothing is known, where no network is named.
    """
    kept = kept_settings(fields)
    if kept:
        images = {key: getattr(kept, key) for key in ("input_size", "normalize_as")}
        images = {key: value for key, value in images.items() if value and key not in fields}
        return (kept.model, kept.model_kwargs), images
    source = fields["finetune"]
    spec = spec_of(source)
    if spec is None:
        if not has_model:
            raise InputError(
                f"{{finetune}} {source}: nothing says which network it is of: name it with "
                "{model}"
            )
        return None, {}
    if not has_model and not spec.weights:
        with telling("{finetune}"):
            check_fits(spec)
    network = (spec.model, spec.kwargs)
    if kind == "segmentation" and not spec.segments:
        network = over_backbone(*network)
    family, _ = find_family(network[0])
    if not has_model and family.kind not in SUITED[kind]:
        way = f"{COMMANDS[family.kind]} fine-tunes it"
        raise InputError(f"{{finetune}} {source}: is of {spec.model}, not for these data: {way}")
    any_folder = kind == "imagenet" or find_dataset(fields.get("dataset", "cifar100")).is_open
    described = source_of(spec)
    images = {"input_size": described.input_size} if any_folder else {}
    if any_folder and kind == "cifar" and spec.dataset:
        own = find_dataset(spec.dataset)
        images["normalize_as"] = described.normalize_as if own.is_open else own.name
    images = {key: value for key, value in images.items() if key not in fields}
    return network, images


def over_backbone(model: str, kwargs: Mapping[str, Any]) -> Network:
    """Return the feature pyramid over a classifier's stem and stages."""
    theirs = {"fusion": "backbone_fusion", "r": "backbone_r"}
    renamed = {theirs.get(key, key): value for key, value in kwargs.items()}
    return f"fpn_{model}", {**renamed, "fusion": USUAL_FUSION}


def origin_of(source: Optional[str]) -> Optional[Origin]:
    """Return what a run starts from, fetched and verified; None where it starts anew."""
    if not source:
        return None
    spec = spec_of(source)
    if spec is None:
        return Origin(str(find_file(source)))
    if spec.weights:
        fetch(spec.weights.name)
    return Origin(spec.params, spec.class_names)
