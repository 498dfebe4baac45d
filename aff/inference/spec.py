"""What is to be evaluated or used: which network, parameters and data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..data.datasets import find_dataset
from ..export.networks import EXPORTS, is_exported
from ..export.source import InputSettings, Source, describe_source
from ..models.factory import resolve_model
from ..models.family import NetworkSettings
from ..models.naming import STRUCTURE, network_from
from ..models.parameters import count_outputs
from ..models.records import WEIGHTS, WeightsRecord
from ..models.registry import check_described, find_family
from ..models.weights import DEFAULT_ROOT, find_weights
from ..training.logger import SETTINGS
from ..utils.errors import InputError, telling
from .data import DATA, checked_data, data_of
from .locate import Known, called, find_file, known_of


@dataclass
class EvaluationSpec:
    """Network, parameters and data of an evaluation.

    Parameters
    ----------
    model, kwargs : str and dict
        The network, as `aff.get_model` takes it.
    params : str
        The parameter file.
    dataset, data_dir, labels, rec_val, rec_val_idx, input_size, crop_ratio, normalize_as, val_split
        The data, as the settings of a run name it.
    dtype : str
        Number format that the network was trained in.
    unsplit : bool
        Whether another folder is named than that of which the run held a part out.
    held_out : str, optional
        Sum that tells the images that the run held out, in their order.
    class_names : list of str, optional
        A name for each output, where they are known.
    weights : WeightsRecord, optional
        The record of parameters that were named by their published NAME.
    found_by : str
        What the network is known by: the file that says it, a hash, its name or flags.
    input : InputSettings, optional
        What an exported file says of the images that it takes.
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
    normalize_as: Optional[str] = None
    val_split: Optional[float] = None
    unsplit: bool = False
    held_out: Optional[str] = None
    dtype: str = "float32"
    class_names: Optional[List[str]] = None
    weights: Optional[WeightsRecord] = None
    found_by: str = "flags"
    input: Optional[InputSettings] = None

    @property
    def kind(self) -> str:
        """Kind of the data set, or, where that is not known, of those that the network is for."""
        if not self.dataset:
            return find_family(self.model)[0].kind
        return find_dataset(self.dataset).kind

    @property
    def segments(self) -> bool:
        """Whether the network gives a class to every pixel, not to the image."""
        return find_family(self.model)[0].kind == "segmentation"

    def class_name(self, label: int) -> str:
        """Return what to call a class."""
        return (
            f"class {label} ({self.class_names[label]})" if self.class_names else f"class {label}"
        )


def find_spec(
    source: str,
    root: Optional[str] = None,
    given: Optional[Mapping[str, Any]] = None,
    needs_data: bool = True,
) -> EvaluationSpec:
    """Return what is known of parameters, and what flags say of them.

    Parameters
    ----------
    source : str
        Published parameters, a file or a run's folder, as `aff.inference.locate.find_file` takes
        it.
    root : str, optional
        Folder of published parameters.
    given : mapping of str to object, optional
        Network and data, of the names of `DATA`, `STRUCTURE`, `model` and `fusion`, where they are
        not those of the run or of the published parameters; None where none can be given.
    needs_data : bool, default True
        Whether data have to be named; without, `dataset` may be empty.

    Raises
    ------
    InputError
        For what contradicts itself or leaves something open, or damaged settings.
    """
    path = find_file(source)
    if path is None:
        spec = _published(source, root, given or {})
    elif given is None:
        spec = _described(path)
    else:
        spec = _of_file(path, given, needs_data)
    given = given or {}
    _refuse_unfit(spec, given)
    if spec.dataset and (spec.kind == "segmentation") != spec.segments:
        raise InputError(
            f"{spec.params}: {spec.model} is no network for {{dataset}} {spec.dataset}"
        )
    if given.get("rec_val_idx") and not given.get("rec_val"):
        raise InputError("{rec_val_idx} needs {rec_val}")
    if root and path is not None:
        raise InputError("{root} is the folder of published parameters: it needs their NAME")
    return spec


def _refuse_unfit(spec: EvaluationSpec, given: Mapping[str, Any]) -> None:
    """Refuse what is given of images of another kind than the data set's."""
    record = find_dataset(spec.dataset) if spec.dataset else None
    unfit = {} if spec.kind == "imagenet" else dict.fromkeys(("rec_val", "crop_ratio"), "imagenet")
    if unfit and not (record and record.kind == "cifar" and record.is_open):
        unfit["input_size"] = "imagenet"
    if not (record and record.label_sets):
        unfit["labels"] = "cifar100"
    asked = {**given, "labels": spec.labels}
    for key, name in unfit.items():
        if asked.get(key):
            raise InputError(
                f"{{{key}}} is for {name}; this is {spec.dataset}"
                if record
                else f"{{{key}}}: say what {spec.params} was trained on by {{dataset}}"
            )


def _published(name: str, root: Optional[str], given: Mapping[str, Any]) -> EvaluationSpec:
    record = find_weights(name)
    if any(key in given for key in ("model", "fusion", *STRUCTURE)):
        raise InputError(f"{record.name} says which network it is: leave the network's flags out")
    if given.get("dataset") not in (None, record.dataset):
        raise InputError(
            f"{record.name} was published for {record.dataset}, not {given['dataset']}"
        )
    data: Dict[str, Any] = {key: given.get(key) for key in DATA if key not in ("dataset", "labels")}
    return EvaluationSpec(
        model=record.model,
        kwargs=record.kwargs,
        params=os.path.join(root or DEFAULT_ROOT, record.filename),
        dataset=record.dataset,
        labels=given.get("labels") or record.label_set,
        dtype=record.dtype,
        weights=record,
        found_by="its name",
        class_names=_names_of(
            record.dataset, given.get("labels") or record.label_set, record.kwargs["classes"]
        ),
        **data,
    )


def _described(params: str) -> EvaluationSpec:
    """Return what a file is known to be, where no flags can say it."""
    known = known_of(params) if os.path.isfile(params) else None
    if known and not known.model:
        raise InputError(
            f"{params}: nothing says which network it is of: keep it beside the {SETTINGS} of its "
            "run, or export it with the flags of its network ('aff export') and name the result"
        )
    return _of_file(params, {}, needs_data=False, known=known)


def _of_file(
    params: str, given: Mapping[str, Any], needs_data: bool, known: Optional[Known] = None
) -> EvaluationSpec:
    if not os.path.isfile(params):
        raise InputError(f"{params}: no such file")
    known = known or known_of(params, by_hash=not given.get("model"))
    described = is_exported(params) and known.model
    if described and any(key in given for key in ("model", "fusion", *STRUCTURE)):
        raise InputError(f"{params} says which network it is: leave the network's flags out")
    beside = EXPORTS if is_exported(params) else SETTINGS
    if known.model:
        with telling(known.path):
            check_described(known.model.name, known.model.kwargs)
    with telling(known.path):
        told = checked_data({**known.data, "dtype": known.dtype})
    data = data_of(told, given)
    if data["dataset"] is None and not described and (needs_data or is_exported(params)):
        raise InputError(f"no {beside} beside {params}: name the data with {{dataset}}")
    record = None if data["dataset"] is None else find_dataset(data["dataset"])
    own = record is not None and not record.is_open
    classes = record.classes if record and own else _outputs(params, known.model)
    data["dataset"] = data["dataset"] or ""
    model, kwargs = _network(params, known.model, classes, given)
    count = kwargs["classes"]
    names = known.class_names if data["dataset"] == told.get("dataset", "") else None
    names = names or _names_of(data["dataset"], data["labels"], count)
    if names and len(names) != count:
        raise InputError(f"{known.path}: not a run's settings ({count} classes have other names)")
    return EvaluationSpec(
        model=model,
        kwargs=kwargs,
        params=params,
        dtype=told["dtype"],
        class_names=names,
        found_by="flags" if given.get("model") else known.by,
        input=known.input,
        held_out=known.held_out,
        **data,
    )


def _outputs(params: str, described: Optional[NetworkSettings]) -> int:
    """Return the number of outputs of a network: as it is described, or as its parameters tell."""
    return described.kwargs["classes"] if described else count_outputs(params)


def _names_of(dataset: str, labels: Optional[str], classes: int) -> Optional[List[str]]:
    """Return the names that a data set gives to so many classes."""
    return find_dataset(dataset).class_names(labels, classes) if dataset else None


def _network(
    params: str, described: Optional[NetworkSettings], classes: int, given: Mapping[str, Any]
) -> Tuple[str, Dict[str, Any]]:
    """Return the name and arguments of the network that the flags or the run's settings name."""
    model, fusion = given.get("model"), given.get("fusion")
    structure = {key: given[key] for key in STRUCTURE if key in given}
    if model and model in WEIGHTS:
        if fusion or structure:
            raise InputError(f"{model} says all of the network: leave its flags out")
        return resolve_model(model)
    if model:
        name, kwargs = network_from({"model": model, "fusion": fusion or "ASKCFuse", **structure})
        return name, {**kwargs, "classes": classes}
    if structure:
        raise InputError("flags of the network need {model}")
    if not described:
        raise InputError(
            f"no {SETTINGS} beside {params}: name the network with {{model}}, and {{fusion}}, "
            "{blocks}, {channel_times} as they were trained"
        )
    name, kwargs = described.name, dict(described.kwargs)
    if fusion:
        kwargs["fusion"] = fusion
    return name, kwargs


def source_of(spec: EvaluationSpec, input_size: Optional[int] = None) -> Source:
    """Return a network with what its images have to be, as exports describe it."""
    name = spec.weights.name if spec.weights else called(spec.params)
    return describe_source(
        name,
        spec.model,
        spec.kwargs,
        spec.params,
        dataset=spec.dataset or None,
        label_set=spec.labels,
        input_size=input_size or spec.input_size,
        data_dir=spec.data_dir,
        class_names=spec.class_names,
        crop_ratio=spec.crop_ratio,
        normalize_as=spec.normalize_as,
        val_split=spec.val_split,
    )
