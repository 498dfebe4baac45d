"""Data sets by name, augmentation, targets and batches."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, List, Optional

from ..utils.errors import InputError, unknown
from .datasets.base import DataSet, Split
from .datasets.cifar import LABEL_SETS, load_cifar
from .datasets.grey import load_digits, load_fashion_mnist
from .loader import EvalBatches, TrainBatches
from .mixup import LABEL_SMOOTHING_ETA

__all__ = [
    "DataSet",
    "EvalBatches",
    "LABEL_SETS",
    "LABEL_SMOOTHING_ETA",
    "Split",
    "TrainBatches",
    "list_datasets",
    "load_dataset",
]

_LOADERS: Dict[str, Callable[..., DataSet]] = {
    "cifar10": partial(load_cifar, "cifar10"),
    "cifar100": partial(load_cifar, "cifar100"),
    "fashion-mnist": load_fashion_mnist,
    "digits": load_digits,
}
CLASSES = {"cifar10": 10, "cifar100": 100, "fashion-mnist": 10, "digits": 10}
IMAGE_SIZES = {"cifar10": 32, "cifar100": 32, "fashion-mnist": 28, "digits": 32}


def list_datasets() -> List[str]:
    """Names that `load_dataset` and ``--dataset`` take."""
    return list(_LOADERS)


def load_dataset(
    name: str, data_dir: Optional[str] = None, labels: Optional[str] = None
) -> DataSet:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        One of `list_datasets()`.
    data_dir : str, optional
        Folder of its files; each has a default.
    labels : str, optional
        For ``cifar100``: ``'fine'`` or ``'coarse'``.

    Raises
    ------
    InputError
        For an unknown name, missing or damaged files, or an argument that the data set does not
        have.
    """
    if name not in _LOADERS:
        raise unknown("data set", name, _LOADERS)
    if name == "cifar100":
        return load_cifar(name, data_dir, labels or "fine")
    if labels is not None:
        raise InputError(f"--labels is for cifar100; {name} has one set of labels")
    return _LOADERS[name](data_dir)
