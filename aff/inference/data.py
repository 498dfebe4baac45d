"""Which data an evaluation is over: those of a run, or others that are named."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional

from ..training.config import TrainConfig
from ..training.setting import settings_of

DATA = (
    *("dataset", "data_dir", "labels", "rec_val", "rec_val_idx", "input_size", "crop_ratio"),
    *("normalize_as", "val_split"),
)
#: Of these, where the images are, and which part of them.
PLACES = ("data_dir", "rec_val", "rec_val_idx", "val_split")


def checked_data(data: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what settings say of data, each value of its kind."""
    kinds = settings_of(TrainConfig)
    known = {key: data.get(key) for key in (*DATA, "dtype")}
    return {
        key: kinds[key].checked(key, value) for key, value in known.items() if value is not None
    }


def data_of(known: Mapping[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the data of an evaluation, by the names of `EvaluationSpec`: what is given in place of
    what is known. A run's own folder keeps the part that was held out of it.
    """
    others = given.get("dataset") not in (None, known.get("dataset"))
    data = {"dataset": given["dataset"]} if others else dict(known)
    named = [key for key in ("data_dir", "rec_val") if given.get(key)]
    same = all(_is_same(given[key], known.get(key)) for key in named)
    if named:
        data.update({key: known.get(key) if same else None for key in PLACES})
    unsplit = "data_dir" in named and not same and bool(known.get("val_split"))
    return {**{key: given.get(key) or data.get(key) for key in DATA}, "unsplit": unsplit}


def _is_same(path: str, other: Optional[str]) -> bool:
    real = [os.path.realpath(os.path.expanduser(place or "")) for place in (path, other)]
    return bool(other) and real[0] == real[1]
