"""The data sets, one record each: what it is, and how its files are read.

To add one, write its reader (a function of a folder, and of a label set where there are several,
that gives a `DataSet`) and its record, here or, from outside, by `register_dataset`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ...utils.errors import InputError, look_up, unknown
from .. import transforms
from . import cifar, class_names, digits, fashion_mnist, folder
from .base import DataSet, Split, stratified
from .cifar import LABEL_SETS

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
        and classes; ``'segmentation'``: any folder of images with masks, which says its classes.
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
    mean, std : tuple of float
        Of each channel, red first or grey alone, on a scale of 0 to 1; empty where only its
        reader knows them.
    is_open : bool
        Whether it is any folder of images: then the folder says its classes, the run the size of
        its images (and of those in memory the normalisation), and what is here is usual.
    names : callable, optional
        Label set, or None for the usual one, to the names of the classes.
    """

    name: str
    kind: str
    classes: int
    size: int
    whole: int
    load: Optional[Callable[..., DataSet]] = None
    label_sets: Tuple[str, ...] = ()
    mean: Tuple[float, ...] = ()
    std: Tuple[float, ...] = ()
    is_open: bool = False
    names: Optional[Callable[[Optional[str]], Sequence[str]]] = None

    def class_names(self, label_set: Optional[str], classes: int) -> Optional[List[str]]:
        """Return a name for each output of a network of so many classes; None where they are not
        known. Outputs beyond a label set's classes are named unused.

        Raises
        ------
        InputError
            For a label set of another data set.
        """
        self.check_labels(label_set)
        names = list(self.names(label_set or self.default_labels)) if self.names else []
        outputs = self.classes if self.label_sets else len(names)
        if not names or classes not in (len(names), outputs):
            return None
        return names + ["(unused)"] * (classes - len(names))

    def check_labels(self, label_set: Optional[str]) -> None:
        """Refuse a label set that the data set does not have."""
        if label_set and not self.label_sets:
            raise InputError(f"{{labels}} is for cifar100; {self.name} has one set of labels")
        if label_set and label_set not in self.label_sets:
            raise unknown("label set", label_set, self.label_sets)

    @property
    def default_labels(self) -> Optional[str]:
        """The label set that is read where none is named."""
        return self.label_sets[0] if self.label_sets else None


IMAGENET_MEAN = tuple(float(value) / 255 for value in transforms.MEAN)
IMAGENET_STD = tuple(float(value) / 255 for value in transforms.STD)
DATASETS: Dict[str, DatasetRecord] = {
    record.name: record
    for record in (
        DatasetRecord(
            name="cifar10",
            kind="cifar",
            classes=10,
            size=32,
            whole=10_000,
            load=partial(cifar.load_cifar, "cifar10"),
            mean=cifar.MEAN,
            std=cifar.STD,
            names=partial(class_names.listed, "cifar10"),
        ),
        DatasetRecord(
            name="cifar100",
            kind="cifar",
            classes=100,
            size=32,
            whole=10_000,
            load=partial(cifar.load_cifar, "cifar100"),
            label_sets=LABEL_SETS,
            mean=cifar.MEAN,
            std=cifar.STD,
            names=partial(class_names.listed, "cifar100"),
        ),
        DatasetRecord(
            name="fashion-mnist",
            kind="cifar",
            classes=10,
            size=28,
            whole=10_000,
            load=fashion_mnist.load_fashion_mnist,
            mean=fashion_mnist.MEAN,
            std=fashion_mnist.STD,
            names=partial(class_names.listed, "fashion-mnist"),
        ),
        DatasetRecord(
            name="digits",
            kind="cifar",
            classes=10,
            size=32,
            whole=359,
            load=digits.load_digits,
            mean=digits.MEAN,
            std=digits.STD,
            names=class_names.digits,
        ),
        DatasetRecord(
            name="folder",
            kind="cifar",
            classes=10,
            size=folder.SIZE,
            whole=0,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            is_open=True,
        ),
        DatasetRecord(
            name="imagenet",
            kind="imagenet",
            classes=1000,
            size=224,
            whole=50_000,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            names=class_names.imagenet,
        ),
        DatasetRecord(
            name="masks",
            kind="segmentation",
            classes=2,
            size=128,
            whole=0,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            is_open=True,
        ),
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
        For an unknown name; the message names some that exist.
    """
    return look_up("data set", name, DATASETS)


def dataset_name(text: str) -> str:
    """Return a kind of text (:mod:`aff.utils.values`): the name of a data set."""
    return find_dataset(text).name


def load_dataset(
    name: str,
    data_dir: Optional[str] = None,
    labels: Optional[str] = None,
    size: int = 0,
    normalize_as: Optional[str] = None,
    val_split: float = 0.0,
    workers: int = 0,
) -> DataSet:
    """Load a data set that is kept in memory.

    Parameters
    ----------
    name : str
        One of ``list_datasets('cifar')``.
    data_dir : str, optional
        Folder of its files; each but ``'folder'`` has a default.
    labels : str, optional
        Name of a label set, where there are several.
    size : int, optional
        Height and width of the images of ``'folder'``; by default 32.
    normalize_as : str, optional
        The data set whose mean and standard deviation those are normalised by; by default
        ImageNet's.
    val_split : float, default 0
        Share of the training images of each class to hold out as the part `val`.
    workers : int, default 0
        Threads that decode the images of ``'folder'``.

    Raises
    ------
    InputError
        For an unknown name, missing or damaged files, or an argument that the data set does not
        have.
    """
    record = find_dataset(name)
    record.check_labels(labels)
    if record.is_open and record.kind == "cifar":
        style = normalization(normalize_as)
        return folder.load_folder(data_dir, size or record.size, *style, val_split, workers)
    if record.load is None:
        raise unknown("data set in memory", name, list_datasets("cifar"))
    for key, value in (("input_size", size), ("normalize_as", normalize_as)):
        if value:
            raise InputError(f"{{{key}}} is for {{dataset}} folder; {name} has its own")
    chosen = (labels or record.default_labels,) if record.label_sets else ()
    data = record.load(data_dir, *chosen)
    return data.hold_out(val_split) if val_split else data


def normalization(name: Optional[str]) -> Tuple[Tuple[float, ...], Tuple[float, ...]]:
    """Return mean and standard deviation of each channel of a data set's images, on a scale of 0
    to 1; by default ImageNet's.

    Raises
    ------
    InputError
        For a data set whose reader alone knows them.
    """
    record = find_dataset(name or "imagenet")
    if not record.mean:
        raise InputError(
            f"{{normalize_as}} {record.name}: its mean and deviation are not on record"
        )
    return record.mean, record.std
