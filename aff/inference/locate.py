"""What names parameters (a published NAME, a file, a run's folder), and what is known of a file: by
its run's settings, by what an exported file says of itself, or by its hash.
"""

from __future__ import annotations

import os
from typing import Any, Dict, NamedTuple, Optional

from ..export.networks import EXPORTS, describe, is_exported
from ..models.records import WEIGHTS
from ..models.weights import blob_sha1
from ..training.checkpoint import BEST, NET, STATE
from ..training.logger import SETTINGS
from ..utils.errors import InputError, unknown
from ..utils.files import read_json

PARAMS = ".params"


class Known(NamedTuple):
    """What is known of a parameter file.

    Attributes
    ----------
    path : str
        The file that says it.
    settings : dict
        In the form of a run's settings; empty where nothing is known.
    by : str
        How it was found, for messages.
    """

    path: str
    settings: Dict[str, Any]
    by: str


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
        if os.path.isfile(path):
            return Known(path, read_json(path), path)
    settings = _described(params)
    if settings:
        beside = os.path.join(folder, EXPORTS)
        return Known(params, settings, params if is_exported(params) else beside)
    sha1 = blob_sha1(params) if by_hash and not is_exported(params) else ""
    for record in WEIGHTS.values():
        if record.sha1 == sha1:
            published = {
                "model": {"name": record.model, "kwargs": record.kwargs},
                "data": {"dataset": record.dataset, "labels": record.label_set},
                "training": {"dtype": record.dtype},
            }
            return Known(params, published, f"its hash, that of {record.name}")
    return Known(params, {}, "")


def _described(params: str) -> Dict[str, Any]:
    """Return what an exported file, or the list of exports beside a file, says of it, in the form
    of a run's settings; empty where neither does.
    """
    try:
        found = describe(params)
        if not found:
            return {}
        return {
            "model": found["network"],
            "data": found["data"],
            "class_names": found.get("class_names"),
            "input": found.get("input"),
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"{params}: what it, or {EXPORTS} beside it, says of the network cannot be used "
            f"({error!r})"
        ) from error
