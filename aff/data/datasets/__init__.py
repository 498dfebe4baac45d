"""The data sets, one record each: what it is, and how its files are read.

To add one, write its reader (a function of a folder, and of a label set where there are several,
that gives a `DataSet`) and its record, here or, from outside, by `register_dataset`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, List, Optional, Tuple

from ...utils.errors import InputError, look_up, unknown
from .base import DataSet, Split, stratified
from .cifar import LABEL_SETS, load_cifar
from .digits import load_digits
from .fashion_mnist import load_fashion_mnist

__all__ = [
    "DATASETS",
    "DataSet",
    "DatasetRecord",
    "LABEL_SETS",
    "Split",
    "find_dataset",
    "list_datasets",
    "load_dataset",
    "register_dataset",
    "stratified",
]


@dataclass(frozen=True)
class DatasetRecord:
    """A data set.

    Parameters
    ----------
    name : str
        What it is called.
    kind : str
        ``'cifar'``: small images, kept in memory; ``'imagenet'``: image files, of whatever number
        and classes.
    classes : int
        Outputs of a network for it. Of the kind ``'imagenet'`` the training images have the word:
        any folders or records in ImageNet's form are read by its record.
    size : int
        Usual height and width of what a network is shown.
    whole : int
        Images of its test part (ImageNet: of its validation part), over which scores count.
    load : callable, optional
        Folder, or None for the default one, to `DataSet`; image files are read by
        :mod:`aff.data.images`.
    label_sets : tuple of str
        Names of its label sets, the usual one first, where there are several.
    """

    name: str
    kind: str
    classes: int
    size: int
    whole: int
    load: Optional[Callable[..., DataSet]] = None
    label_sets: Tuple[str, ...] = ()

    @property
    def default_labels(self) -> Optional[str]:
        """The label set that is read where none is named."""
        return self.label_sets[0] if self.label_sets else None


DATASETS: Dict[str, DatasetRecord] = {
    record.name: record
    for record in (
        DatasetRecord("cifar10", "cifar", 10, 32, 10_000, partial(load_cifar, "cifar10")),
        DatasetRecord(
            "cifar100", "cifar", 100, 32, 10_000, partial(load_cifar, "cifar100"), LABEL_SETS
        ),
        DatasetRecord("fashion-mnist", "cifar", 10, 28, 10_000, load_fashion_mnist),
        DatasetRecord("digits", "cifar", 10, 32, 359, load_digits),
        DatasetRecord("imagenet", "imagenet", 1000, 224, 50_000),
    )
}


def register_dataset(record: DatasetRecord) -> None:
    """Make a data set known by its name.

    Raises
    ------
    ValueError
        For a name that is taken.
    """
    if record.name in DATASETS:
        raise ValueError(f"a data set named {record.name!r} is registered already")
    DATASETS[record.name] = record


def list_datasets(kind: Optional[str] = None) -> List[str]:
    """Return the names of the data sets, of one kind where it is named."""
    return [record.name for record in DATASETS.values() if kind in (None, record.kind)]


def find_dataset(name: str) -> DatasetRecord:
    """Return the record of a data set.

    Raises
    ------
    InputError
        For an unknown name; the message lists those that exist.
    """
    return look_up("data set", name, DATASETS)


def dataset_name(text: str) -> str:
    """Return a kind of text (:mod:`aff.utils.values`): the name of a data set."""
    return find_dataset(text).name


def load_dataset(
    name: str, data_dir: Optional[str] = None, labels: Optional[str] = None
) -> DataSet:
    """Load a data set that is kept in memory.

    Parameters
    ----------
    name : str
        One of ``list_datasets('cifar')``.
    data_dir : str, optional
        Folder of its files; each has a default.
    labels : str, optional
        Name of a label set, where there are several.

    Raises
    ------
    InputError
        For an unknown name, missing or damaged files, or an argument that the data set does not
        have.
    """
    record = find_dataset(name)
    if record.load is None:
        raise unknown("data set in memory", name, list_datasets("cifar"))
    if not record.label_sets:
        if labels is not None:
            raise InputError(f"{{labels}} is for cifar100; {name} has one set of labels")
        return record.load(data_dir)
    return record.load(data_dir, labels or record.default_labels)
