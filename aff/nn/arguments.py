"""What blocks are made of and called with, held to what they take: one clear line otherwise."""

from __future__ import annotations

import numbers
from typing import Any, Sequence

import mxnet as mx

from ..utils.errors import InputError
from .maps import AXES


def is_whole(value: Any, least: int = 1) -> bool:
    """Tell whether a value is a whole number of at least so much."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and value >= least


def check_whole(what: str, least: int = 1, **values: Any) -> None:
    """Refuse values that are no whole numbers of at least so much, by the names of their arguments.

    Raises
    ------
    InputError
        Which names the argument.
    """
    for name, value in values.items():
        if not is_whole(value, least):
            raise InputError(
                f"{what}: {name} must be a whole number of at least {least}, got {value!r}"
            )


def check_ndim(what: str, ndim: Any) -> None:
    """Refuse other numbers of dimensions than 1, 2 and 3."""
    if not is_whole(ndim) or ndim not in AXES:
        raise InputError(f"{what}: ndim must be 1, 2 or 3, got {ndim!r}")


def check_features(
    features: Sequence[Any], ndim: int, channels: Sequence[int], one_size: bool = True
) -> None:
    """Refuse features of other shapes than those that a block was made for. Symbols, which have no
    shape yet, are not looked at.

    Raises
    ------
    InputError
        Which names the argument that the block was made with, and the shapes.
    """
    if not all(isinstance(feature, mx.nd.NDArray) for feature in features):
        return
    shapes = [feature.shape for feature in features]
    first = shapes[0]
    wanted = ""
    if len(shapes) != len(channels):
        wanted = f"inputs={len(channels)}: {len(channels)} features"
    elif any(len(shape) != ndim + 2 for shape in shapes):
        wanted = f"ndim={ndim}: features {AXES[ndim]}"
    elif [shape[1] for shape in shapes] != list(channels):
        wanted = f"features of {', '.join(map(str, channels))} channels"
    elif any(shape[0] != first[0] for shape in shapes):
        wanted = "features of one batch"
    elif one_size and any(shape[2:] != first[2:] for shape in shapes):
        wanted = "features of one size, without resize=True"
    if wanted:
        raise InputError(f"a block made for {wanted} got {', '.join(map(str, shapes))}")
