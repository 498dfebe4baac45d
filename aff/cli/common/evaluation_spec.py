"""What is to be evaluated: which network, parameters and data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ...data.datasets import find_dataset
from ...export.networks import EXPORTS, describe, is_exported
from ...models.factory import resolve_model
from ...models.naming import STRUCTURE, network_from
from ...models.parameters import count_outputs
from ...models.records import WEIGHTS, WeightsRecord
from ...models.weights import DEFAULT_ROOT, find_weights
from ...training.logger import SETTINGS
from ...utils.errors import InputError
from ...utils.files import read_json

DATA = ("dataset", "data_dir", "labels", "rec_val", "rec_val_idx", "input_size", "crop_ratio")


@dataclass
class EvaluationSpec:
    """Network, parameters and data of an evaluation.

    Parameters
    ----------
    model, kwargs : str and dict
        The network, as `aff.get_model` takes it.
    params : str
        The parameter file.
    dataset, data_dir, labels, rec_val, rec_val_idx, input_size, crop_ratio
        The data, as the settings of a run name it.
    dtype : str
        Number format that the network was trained in.
    class_names : list of str, optional
        A name for each output, where they are known.
    weights : WeightsRecord, optional
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
    class_names: Optional[List[str]] = None
    weights: Optional[WeightsRecord] = None

    @property
    def kind(self) -> str:
        """Kind of the data set."""
        return find_dataset(self.dataset).kind

    def class_name(self, label: int) -> str:
        """Return what to call a class."""
        return (
            f"class {label} ({self.class_names[label]})" if self.class_names else f"class {label}"
        )


def find_spec(
    params: Optional[str],
    name: Optional[str],
    root: Optional[str],
    given: Mapping[str, Any],
    needs_data: bool = True,
) -> EvaluationSpec:
    """Return what flags, and the run's settings beside a parameter file, say.

    Parameters
    ----------
    params : str, optional
        A parameter file.
    name, root : str, optional
        Published parameters in its place, and their folder.
    given : mapping of str to object
        Network and data, of the names of `DATA`, `STRUCTURE`, `model` and `fusion`, where they are
        not those of the run or of the published parameters.
    needs_data : bool, default True
        Whether data have to be named; without, `dataset` may be empty.

    Raises
    ------
    InputError
        For what contradicts itself or leaves something open, or damaged settings.
    """
    spec = _published(name, root, given) if name else _of_file(str(params), given, needs_data)
    for key in ("rec_val", "input_size", "crop_ratio"):
        if given.get(key) and spec.kind != "imagenet":
            raise InputError(f"{{{key}}} is for imagenet; this is {spec.dataset}")
    if given.get("rec_val_idx") and not given.get("rec_val"):
        raise InputError("{rec_val_idx} needs {rec_val}")
    if root and not name:
        raise InputError("{root} is the folder of published parameters: it needs their NAME")
    if spec.labels and not find_dataset(spec.dataset).label_sets:
        raise InputError(f"{{labels}} is for cifar100; this is {spec.dataset}")
    return spec


def _published(name: str, root: Optional[str], given: Mapping[str, Any]) -> EvaluationSpec:
    if name not in WEIGHTS and os.path.lexists(name):
        raise InputError(f"{name} is a file, not a NAME: {{params}} {name}")
    record = find_weights(name)
    if any(key in given for key in ("model", "fusion", *STRUCTURE)):
        raise InputError(f"{record.name} says which network it is: leave the network's flags out")
    if given.get("dataset") not in (None, record.dataset):
        raise InputError(
            f"{record.name} was published for {record.dataset}, not {given['dataset']}"
        )
    data = {key: given.get(key) for key in DATA if key not in ("dataset", "labels")}
    return EvaluationSpec(
        model=record.model,
        kwargs=record.kwargs,
        params=os.path.join(root or DEFAULT_ROOT, record.filename),
        dataset=record.dataset,
        labels=given.get("labels") or record.label_set,
        dtype=record.dtype,
        weights=record,
        class_names=_names_of(
            record.dataset, given.get("labels") or record.label_set, record.kwargs["classes"]
        ),
        **data,
    )


def _settings_of(params: str) -> Tuple[str, Dict[str, Any]]:
    """Return where the settings of a file's run are, and what they say: those beside it, or what an
    exported file, or the list of exports beside it, says.
    """
    path = os.path.join(os.path.dirname(params), SETTINGS)
    if os.path.isfile(path) and not is_exported(params):
        return path, read_json(path)
    found = describe(params)
    if not found:
        return params, {}
    names = found.get("class_names")
    return params, {"model": found["network"], "data": found["data"], "class_names": names}


def _of_file(params: str, given: Mapping[str, Any], needs_data: bool) -> EvaluationSpec:
    if not os.path.isfile(params):
        raise InputError(f"{params}: no such file")
    path, run = _settings_of(params)
    described = is_exported(params) and run.get("model")
    if described and any(key in given for key in ("model", "fusion", *STRUCTURE)):
        raise InputError(f"{params} says which network it is: leave the network's flags out")
    beside = EXPORTS if is_exported(params) else SETTINGS
    try:
        dtype = run.get("training", {}).get("dtype", "float32")
        data = dict(run.get("data") or {})
        if given.get("dataset"):
            data = {"dataset": given["dataset"]}
        if given.get("data_dir") or given.get("rec_val"):
            data = {**data, "data_dir": None, "rec_val": None, "rec_val_idx": None}
        data = {key: given.get(key) or data.get(key) for key in DATA}
        if data["dataset"] is None and not described and (needs_data or is_exported(params)):
            raise InputError(f"no {beside} beside {params}: name the data with {{dataset}}")
        named = data["dataset"] is not None
        classes = find_dataset(data["dataset"]).classes if named else _outputs(params, run)
        data["dataset"] = data["dataset"] or ""
        model, kwargs = _network(params, run, classes, given)
        count, _ = kwargs["classes"], kwargs["fusion"]
        names = None if given.get("dataset") else run.get("class_names")
        names = names or _names_of(data["dataset"], data["labels"], count)
        if names and (len(names) != count or not all(isinstance(name, str) for name in names)):
            raise InputError(f"{path}: not a run's settings ({count} classes have other names)")
        return EvaluationSpec(
            model=model, kwargs=kwargs, params=params, dtype=dtype, class_names=names, **data
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a run's settings ({error!r})") from error


def _outputs(params: str, run: Mapping[str, Any]) -> int:
    """Return the number of outputs of a network: as it is described, or as its parameters tell."""
    described = run.get("model")
    return described["kwargs"]["classes"] if described else count_outputs(params)


def _names_of(dataset: str, labels: Optional[str], classes: int) -> Optional[List[str]]:
    """Return the names that a data set gives to so many classes."""
    return find_dataset(dataset).class_names(labels, classes) if dataset else None


def _network(
    params: str, run: dict, classes: int, given: Mapping[str, Any]
) -> Tuple[str, Dict[str, Any]]:
    """Return the name and arguments of the network that the flags or the run's settings name."""
    model, fusion = given.get("model"), given.get("fusion")
    structure = {key: given[key] for key in STRUCTURE if key in given}
    if model and model in WEIGHTS:
        if fusion or structure:
            raise InputError(f"{model} says all of the network: leave its flags out")
        return resolve_model(model)
    if model:
        described = {"model": model, "fusion": fusion or "ASKCFuse", **structure}
        name, kwargs = network_from(described)
        return name, {**kwargs, "classes": classes}
    if structure:
        raise InputError("flags of the network need {model}")
    if not run.get("model"):
        raise InputError(
            f"no {SETTINGS} beside {params}: name the network with {{model}}, and {{fusion}}, "
            "{blocks}, {channel_times} as they were trained"
        )
    name, kwargs = run["model"]["name"], dict(run["model"]["kwargs"])
    if fusion:
        kwargs["fusion"] = fusion
    return name, kwargs
