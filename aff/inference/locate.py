"""What names parameters (a published NAME, a file, a run's folder), and what is known of a file: by
its run's settings, by what an exported file says of itself, or by its hash.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from ..export.networks import EXPORTS, describe, is_exported
from ..export.source import Description, InputSettings
from ..models.family import NetworkSettings
from ..models.records import WEIGHTS
from ..models.weights import MAX_BYTES, blob_sha1
from ..training.checkpoint import BEST, NET, STATE
from ..training.logger import SETTINGS
from ..training.settings_file import read_settings
from ..utils.errors import InputError, unknown
from ..utils.json_file import typed

PARAMS = ".params"
#: Files of a run whose names are those of every run.
OF_A_RUN = re.compile(r"(best-ema|epoch-\d+)\.params")


@dataclass(frozen=True)
class _Sums:
    """What is read of the sums of a run's images."""

    val: Optional[str] = None


@dataclass(frozen=True)
class Known:
    """What is known of a parameter file.

    Parameters
    ----------
    path : str
        The file that says it.
    by : str
        How it was found, for messages; empty where nothing is known.
    model : NetworkSettings, optional
        The network.
    data : dict
        What it was trained on, by the names of a run's settings.
    class_names : list of str, optional
        A name for each output.
    dtype : str
        Number format that it was trained in.
    input : InputSettings, optional
        What an exported file says of the images that it takes.
    held_out : str, optional
        Sum that tells the images that its run held out, in their order.
    """

    path: str
    by: str = ""
    model: Optional[NetworkSettings] = None
    data: Dict[str, Any] = field(default_factory=dict)
    class_names: Optional[List[str]] = None
    dtype: str = "float32"
    input: Optional[InputSettings] = None
    held_out: Optional[str] = None


def looks_like_parameters(source: str) -> bool:
    """Tell whether a text is a published NAME, or by its looks a file of parameters, an exported
    network, or a run's folder.
    """
    return (
        source in WEIGHTS
        or source.endswith(PARAMS)
        or is_exported(source)
        or any(os.path.isfile(os.path.join(source, name)) for name in (BEST, NET))
    )


def find_file(source: str) -> Optional[str]:
    """Return the parameter file that is named, None for a published NAME.

    Parameters
    ----------
    source : str
        A published NAME, a file, or the folder of a run (its ``best.params``) or of a checkpoint.

    Raises
    ------
    InputError
        For what is none of them; the message says what would be.
    """
    if source in WEIGHTS:
        if os.path.lexists(source):
            raise InputError(
                f"{source}: is a published NAME, and a file or folder here: name that as "
                f"{os.path.join(os.curdir, source)}"
            )
        return None
    if os.path.isdir(source):
        for name in (NET,) if _is_checkpoint(source) else (BEST, NET):
            path = os.path.join(source, name)
            if os.path.isfile(path):
                return path
        raise InputError(f"{source}: no run's folder (it holds no {BEST}): name a file in it")
    if os.path.lexists(source) or source.endswith(PARAMS) or is_exported(source):
        return source
    if os.sep in source:
        raise InputError(f"{source}: no such file")
    raise unknown("published parameters", source, WEIGHTS)


def _is_checkpoint(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, STATE))


def called(params: str) -> str:
    """Return what to call a parameter file's network: ``best.params`` by its run's folder, a
    checkpoint's ``net.params`` by its own folder too, other files of a run by all of that and their
    name; files of no run by their name.
    """
    folder, file = os.path.split(os.path.abspath(params))
    stem, name = os.path.splitext(file)[0], os.path.basename(folder)
    inside = _is_checkpoint(folder)
    if inside:
        name = f"{os.path.basename(os.path.dirname(folder))}-{name}"
    if file == (NET if inside else BEST):
        return name
    return f"{name}-{stem}" if inside or OF_A_RUN.fullmatch(file) else stem


def known_of(params: str, by_hash: bool = True) -> Known:
    """Return what is known of a parameter file: what its run's settings say, beside it or, of a
    checkpoint, one folder above; what an exported file, or the list of exports beside it, says; or,
    with `by_hash`, what was published as this very file.
    """
    folder = os.path.dirname(params)
    folders = [folder]
    if os.path.basename(params) == NET or _is_checkpoint(folder):
        folders.append(os.path.dirname(os.path.abspath(folder)))
    for place in [] if is_exported(params) else folders:
        path = os.path.join(place, SETTINGS)
        if os.path.lexists(path):
            run = read_settings(place)
            trained, data = run.training or {}, run.data or {}
            held_out = typed(trained.get("images") or {}, _Sums, path, "training.images").val
            return Known(
                *(path, path, run.model, data, run.class_names),
                dtype=trained.get("dtype", "float32"),
                held_out=held_out if data.get("val_split") else None,
            )
    told = describe(params)
    if told:
        found = typed(told, Description, params)
        by = params if is_exported(params) else os.path.join(folder, EXPORTS)
        ratio = found.input.crop_ratio if found.input else None  # which earlier files do not say
        data = {"crop_ratio": ratio, **found.data}
        return Known(params, by, found.network, data, found.class_names, input=found.input)
    small = os.path.getsize(params) <= MAX_BYTES  # as all that are published
    sha1 = blob_sha1(params) if by_hash and small and not is_exported(params) else ""
    for record in WEIGHTS.values():
        if record.sha1 == sha1:
            network = NetworkSettings(record.model, record.kwargs)
            data = {"dataset": record.dataset, "labels": record.label_set}
            by = f"its hash, that of {record.name}"
            return Known(params, by, network, data, dtype=record.dtype)
    return Known(params)
