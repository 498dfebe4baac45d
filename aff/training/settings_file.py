"""``settings.json``: what a run was, in its folders; read back to start a run from it, and to hold
a resumed one to it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional

from ..compat import machine
from ..data.datasets import find_dataset
from ..data.mixup import LABEL_SMOOTHING_ETA
from ..models.family import NetworkSettings
from ..models.registry import check_described
from ..utils.errors import InputError, telling, unknown
from ..utils.json_file import bounded, read_json, typed
from ..utils.opening import MB, read_text
from ..utils.report import versions
from .config import NETWORK, TrainConfig
from .logger import SETTINGS
from .setting import FIXED, FREE, TOLD, UNTOLD, settings_of

#: What settings.json says of a run beside its settings.
FACTS = ("devices", "form", "train_images", "val_images", "images", "sums", "global_batch_size")
#: Those that are sums of the data, by part.
SUMS = ("images", "sums")
#: What of it stands beside the settings.
NAMES = "class_names"
#: A configuration file has a few kB; PyYAML takes seconds for each MB.
MAX_YAML = MB
#: Settings of earlier versions that are gone.
GONE = ("accept_pickled_states",)


@dataclass(frozen=True)
class RunSettings:
    """What ``settings.json`` holds (see `describe`), as far as others than the run itself read it.

    Parameters
    ----------
    model : NetworkSettings, optional
        The network.
    data : dict, optional
        What it was trained on.
    class_names : list of str, optional
        A name for each output.
    training, machine : dict, optional
        The run's settings, and where it ran.
    save_dir : str, optional
        Beside a log: the way to the run's parameters.
    """

    model: Optional[NetworkSettings] = None
    data: Optional[Dict[str, Any]] = None
    class_names: Optional[List[str]] = None
    training: Optional[Dict[str, Any]] = None
    machine: Optional[Dict[str, Any]] = None
    save_dir: Optional[str] = None


@dataclass(frozen=True)
class _Named:
    """What names a network in a configuration file: `NETWORK`."""

    model: str = ""
    fusion: str = ""
    blocks: int = 1
    num_layers: int = 1
    channel_times: int = 1
    start_layer: int = 1
    stem_width: int = 1
    deep_stem: bool = False
    avg_down: bool = False
    use_se: bool = False
    last_gamma: bool = False
    channels: int = 1
    r: int = 1
    backbone_fusion: str = ""
    backbone_r: int = 1


def read_settings(folder: str) -> RunSettings:
    """Return the settings of the run in a folder.

    Raises
    ------
    InputError
        For a file that cannot be read, or holds something else.
    """
    return read_json(os.path.join(folder, SETTINGS), RunSettings)


def describe(config: TrainConfig, facts: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a run as its folders keep it; `model`, `data` and `class_names` are what an evaluation
    reads.

    Parameters
    ----------
    config : TrainConfig
        Its settings.
    facts : mapping
        Of its data and devices, of `FACTS` and `NAMES`.
    """
    counted = {key: value for key, value in facts.items() if key != NAMES}
    return {
        "model": {"name": config.model, "kwargs": config.model_kwargs},
        "data": config.data,
        NAMES: facts.get(NAMES),
        "training": {**config.as_dict(), **counted},
        "machine": machine(),
        "versions": versions(),
    }


def upgraded(training: Mapping[str, Any]) -> Dict[str, Any]:
    """Return settings as earlier versions wrote them, by today's names."""
    values = {key: value for key, value in training.items() if key not in GONE}
    if "cosine" in values:
        values["lr_mode"] = "cosine" if values.pop("cosine") else "step"
    if "lr_schedule" in values:
        values["lr_mode"] = values.pop("lr_schedule")
        values.setdefault("dataset", "imagenet")
    if "no_mixup" in values:
        values["mixup"] = not values.pop("no_mixup")
    if isinstance(values.get("label_smoothing"), bool):  # a switch then
        values["label_smoothing"] = LABEL_SMOOTHING_ETA if values["label_smoothing"] else 0.0
    if values.get("discard", False) is None:
        values["discard"] = False
    return values


def read_config(path: str) -> TrainConfig:
    """Return a configuration from a file: a run's ``settings.json``, or its fields alone, as JSON
    or YAML.

    What the file does not say is as usual. What tells where the run went, and what it went on from,
    is not taken over.

    Raises
    ------
    InputError
        For a file that cannot be read, an unknown key, or a value that its field does not take.
    """
    content = _read_yaml(path) if path.endswith((".yaml", ".yml")) else read_json(path)
    training = typed(content.get("training", content), Dict[str, Any], path, "training")
    values = {key: value for key, value in upgraded(training).items() if key not in FACTS}
    described = settings_of(TrainConfig)
    for key in values:
        if key not in described and key not in NETWORK:
            raise unknown(f"setting in {path}", key, list(dict.fromkeys([*described, *NETWORK])))
    network = {key: values.pop(key) for key in NETWORK if key in values}
    typed(network, _Named, path)
    with telling(path):
        kind = find_dataset(values.get("dataset", "cifar100")).kind
        checked = {key: described[key].checked(key, value, kind) for key, value in values.items()}
        usual = TrainConfig.defaults(kind, checked.get("generation", 1))
        kept = {key: value for key, value in checked.items() if _is_taken_over(key, described)}
        if "model_kwargs" in kept:
            kept["model"] = network.pop("model", usual.model)
            check_described(kept["model"], kept["model_kwargs"], needed=("fusion",))
        base = replace(usual, **kept)
        if base.generation == 2 and "model_kwargs" not in kept:  # given as flags would be
            base = base.of_the_second()
        described_anew = "model" in network or not network
        first = None if described_anew and "model_kwargs" not in kept else base
        named = {**network, "generation": base.generation}
        config = TrainConfig.from_args(named, kind, first) if network or first else base
        whole = replace(base, model=config.model, model_kwargs=config.model_kwargs)
        return TrainConfig.from_args({}, kind, whole)


def _is_taken_over(key: str, described: Mapping[str, Any]) -> bool:
    """Tell whether a new run takes a setting of an earlier one: not where that went, nor what it
    went on from.
    """
    own = described[key].group in ("", "files")
    return not own or key in ("model_kwargs", "log_interval", "save_minutes", "save_period")


def _read_yaml(path: str) -> Dict[str, Any]:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(f"{path}: YAML needs PyYAML: pip install pyyaml, or give JSON") from error
    text = read_text(path, MAX_YAML)
    try:
        content = yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    return typed(bounded(content, path), Dict[str, Any], path)


def changes(config: TrainConfig, facts: Mapping[str, Any], folder: str) -> List[str]:
    """Return what differs from the settings that a run was trained with so far, a phrase each.

    Raises
    ------
    InputError
        For settings that mean another run, unless ``resume_changed`` says to go on.
    """
    here = typed(json.loads(json.dumps(describe(config, facts))), RunSettings, SETTINGS)
    before, now = (
        {**upgraded(said.training or {}), **(said.machine or {})}
        for said in (read_settings(folder), here)
    )
    before = {**_usual(config), **before} if "dataset" in before else before
    sums, where = _sums(before), config.data_dir or config.dataset
    others = [
        f"other {what} ({where})"
        for what, value in _sums(now).items()
        if sums.get(what, value) != value
    ]
    rules = {key: item.resume for key, item in settings_of(TrainConfig).items()}
    rules.update(dict.fromkeys([*machine(), "form"], FREE))
    changed = {
        key: f"{key} {before[key]!r} -> {now[key]!r}"
        for key in now
        if key in before and before[key] != now[key]
        if rules.get(key) != UNTOLD and key not in SUMS
    }
    told = [phrase for key, phrase in changed.items() if rules.get(key) != FREE] + others
    fixed = sorted(key for key in changed if rules.get(key) == FIXED)
    if told and (fixed or not config.resume_changed):
        raise InputError(
            f"{{resume}}: {folder} was trained with other settings ({'; '.join(told)}): give the "
            + (
                f"same, or start a run of its own: another {' and '.join(fixed)} cannot go on with "
                "its figures"
                if fixed
                else "same, start a run of its own, or go on all the same by {resume_changed}"
            )
        )
    return [*changed.values(), *others]


def _usual(config: TrainConfig) -> Dict[str, Any]:
    """Return what settings are that an earlier version did not write, of those that matter."""
    return {
        key: item.default(config.kind, config.generation)
        for key, item in settings_of(TrainConfig).items()
        if item.resume in (TOLD, FIXED)
    }


def _sums(training: Mapping[str, Any]) -> Dict[str, str]:
    """Return the sums of a run's data, by what they are of."""
    names, sums = (training.get(key) or {} for key in SUMS)
    found = {f"names or order of the {part} images": value for part, value in names.items()}
    for part, kinds in sums.items():
        found.update({f"{kind} of the {part} images": value for kind, value in kinds.items()})
    return found
