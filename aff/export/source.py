"""What is exported: a network with its parameters, and what its images have to be."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ..data.datasets import find_dataset, load_dataset
from ..data.image_loader import CROP_RATIO, SIZE
from ..data.transforms import scaled_side
from ..models.family import NetworkSettings
from ..models.registry import find_family
from ..utils.json_file import ranged
from ..utils.opening import hash_of
from ..utils.report import printable, versions

#: The key that a description has among a file's metadata.
KEY = "aff"


@dataclass(frozen=True)
class InputSettings:
    """What a description (see `Source.description`) says of the images that a network takes."""

    shape: List[Any]
    mean: List[float] = ranged(-1e6, 1e6)
    std: List[float] = ranged(1e-6, 1e6)
    shorter_side: Optional[int] = ranged(1, 1 << 16, default=None)

    @property
    def crop_ratio(self) -> Optional[float]:
        """The share of the shorter side that the centre keeps, where both are said."""
        size = self.shape[-1] if self.shape else None
        return size / self.shorter_side if self.shorter_side and isinstance(size, int) else None


@dataclass(frozen=True)
class Description:
    """What of a description is read back."""

    network: NetworkSettings
    data: Dict[str, Any]
    class_names: Optional[List[str]] = None
    input: Optional[InputSettings] = None


@dataclass(frozen=True)
class Source:
    """A network to export.

    Parameters
    ----------
    name : str
        What its files are called.
    model, kwargs : str and dict
        The network, as `aff.get_model` takes it.
    params : str
        Its parameter file.
    dataset, label_set : str, optional
        What it was trained on, where that is known.
    input_size : int
        Height and width of its images.
    mean, std : tuple of float
        Of each channel (one value for grey images), on a scale of 0 to 255.
    resized : int, optional
        Of image files: pixels that the shorter side is scaled to before the centre is taken.
    crop_ratio : float, optional
        Of image files: the share of these that the centre keeps, before it was rounded.
    class_names : list of str, optional
        A name for each output.
    data_dir : str, optional
        Folder of the data set's files.
    normalize_as : str, optional
        Of any folder of small images: the data set that they are normalised as.
    val_split : float, optional
        The part of its folder that the run held out, where it did.
    """

    name: str
    model: str
    kwargs: Dict[str, Any]
    params: str
    dataset: Optional[str]
    label_set: Optional[str]
    input_size: int
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    resized: Optional[int] = None
    crop_ratio: Optional[float] = None
    class_names: Optional[List[str]] = None
    data_dir: Optional[str] = None
    normalize_as: Optional[str] = None
    val_split: Optional[float] = None

    @property
    def per_pixel(self) -> bool:
        """Whether it classifies every pixel, not the image."""
        return find_family(self.model)[0].kind == "segmentation"

    @cached_property
    def params_sha256(self) -> str:
        """SHA-256 of the parameter file."""
        return hash_of(self.params, hashlib.sha256())

    def description(self) -> Dict[str, Any]:
        """Return all of it as JSON, with the parameters' SHA-256 and the versions that read them:
        what is kept in and beside exported files.
        """
        return {
            "name": self.name,
            "network": {"name": self.model, "kwargs": self.kwargs},
            "parameters": {"file": printable(self.params), "sha256": self.params_sha256},
            "data": self._data(),
            "input": {
                "shape": ["N", 3, self.input_size, self.input_size],
                "channels": "RGB; grey images are repeated" if len(self.mean) == 1 else "RGB",
                "normalisation": "(pixels - mean) / std, pixels from 0 to 255",
                "mean": list(self.mean),
                "std": list(self.std),
                "shorter_side": self.resized,
            },
            "class_names": self.class_names,
            "versions": versions(),
        }

    def _data(self) -> Dict[str, Any]:
        is_open = self.dataset is not None and find_dataset(self.dataset).is_open
        told = {
            "dataset": self.dataset,
            "labels": self.label_set,
            "input_size": self.input_size if self.resized or is_open else None,
            "crop_ratio": self.crop_ratio,
        }
        if self.val_split:
            told["val_split"] = self.val_split
        return {**told, "normalize_as": self.normalize_as} if is_open else told

    def normalized(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels from 0 to 255, (N, 3, H, W), as the network takes them."""
        mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (self.mean, self.std))
        return ((pixels - mean) / std).astype(np.float32)


def describe_source(
    name: str,
    model: str,
    kwargs: Dict[str, Any],
    params: str,
    dataset: Optional[str] = None,
    label_set: Optional[str] = None,
    input_size: Optional[int] = None,
    data_dir: Optional[str] = None,
    class_names: Optional[List[str]] = None,
    crop_ratio: Optional[float] = None,
    normalize_as: Optional[str] = None,
    val_split: Optional[float] = None,
) -> Source:
    """Return a `Source`, with what its data set says of images and classes; without a data set
    images are taken to be like CIFAR's or ImageNet's, as the network is.
    """
    family, _ = find_family(model)
    likely = {"cifar": "cifar10", "imagenet": "imagenet", "segmentation": "masks"}[family.kind]
    record = find_dataset(dataset or likely)
    from_files = record.kind == "imagenet"
    size = input_size or (SIZE if from_files else record.size)
    ratio = (crop_ratio or CROP_RATIO) if from_files else None
    own = record.class_names(label_set, kwargs["classes"]) if dataset else None
    style = find_dataset(normalize_as or "imagenet") if record.is_open else record
    known = style if style.mean else load_dataset(style.name)
    called = re.sub(r"\W", "_", name)
    return Source(
        name=called if called.isidentifier() else f"net_{called}",
        model=model,
        kwargs=kwargs,
        params=params,
        dataset=dataset,
        label_set=label_set,
        input_size=size,
        mean=tuple(255 * value for value in known.mean),
        std=tuple(255 * value for value in known.std),
        resized=scaled_side(size, ratio) if ratio else None,
        crop_ratio=ratio,
        class_names=class_names or own,
        data_dir=data_dir,
        normalize_as=normalize_as,
        val_split=val_split,
    )
