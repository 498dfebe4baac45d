"""What our own ablations put fusions into, on which data, and what they are compared by."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Tuple

from ..data.scenes import SIZES
from ..utils.json_file import ranged, read_json

#: What `aff evaluate` writes beside the log of a run that is compared by more than its log says.
EVALUATION = "evaluation.json"


@dataclass(frozen=True)
class Host:
    """A network with a place for fusions, on a data set.

    Parameters
    ----------
    title : str
        What a table calls the data.
    command : str
        The command that trains it.
    flags : tuple of str
        Data, network and augmentation, as its flags.
    model : str
        Name of the network, its depth in braces.
    classes, size : int
        Outputs, and sides of its input, in pixels.
    scores : tuple of (str, str)
        Heads of a table's columns, and what of an `outcome` stands there, a fraction; by the first
        of them fusions are compared.
    data_dir : str, optional
        Folder of the data, where it is not found by itself.
    layers : int, default 2
        Layers of a block that its depth counts; there are three stages of blocks.
    evaluated : bool, default False
        Whether `EVALUATION` is a part of what comes out of a run.
    """

    title: str
    command: str
    flags: Tuple[str, ...]
    model: str
    classes: int
    size: int
    scores: Tuple[Tuple[str, str], ...]
    data_dir: Optional[str] = None
    layers: int = 2
    evaluated: bool = False

    def network(self, fusion: str, r: Optional[int], blocks: int) -> Tuple[str, Dict[str, Any]]:
        """Return the network of so many blocks a stage, as `aff.get_model` takes it."""
        kwargs = {"fusion": fusion, "classes": self.classes, **({"r": r} if r else {})}
        return self.model.format(3 * self.layers * blocks + 2), kwargs

    def data(self, folder: Optional[str]) -> List[str]:
        """Return flags that name the folder of the data, by default `data_dir`."""
        folder = folder or self.data_dir
        return ["--data-dir", folder] if folder else []


@dataclass(frozen=True)
class SizeScores:
    """What is read of an evaluation's scores for one size of items."""

    miou: float = ranged(0, 1)


@dataclass(frozen=True)
class SceneScores:
    """What is read of an evaluation on scenes: mean IoU by the size of what is seen."""

    sizes: Dict[str, SizeScores]


def miou_by_size(folder: str) -> Dict[str, float]:
    """Return the mean IoU near items of each size, of the evaluation in a run's folder of logs;
    empty where it has not been evaluated.
    """
    path = os.path.join(folder, EVALUATION)
    if not os.path.isfile(path):
        return {}
    return {size: found.miou for size, found in read_json(path, SceneScores).sizes.items()}


FASHION_MNIST = Host(
    title="Fashion-MNIST",
    command="train-cifar",
    flags=(
        *("--dataset", "fashion-mnist", "--model", "resnet", "--channel-times", "1"),
        *("--no-mixup", "--cosine"),
    ),
    model="cifar_resnet{}_askc",
    classes=10,
    size=28,
    scores=(("test error", "test_error"),),
)
TENTH = replace(
    FASHION_MNIST,
    title="A tenth of Fashion-MNIST",
    flags=(*FASHION_MNIST.flags, "--train-fraction", "0.1"),
)
INCEPTION = replace(
    FASHION_MNIST,
    title="Inception on Fashion-MNIST",
    flags=tuple("inception" if flag == "resnet" else flag for flag in FASHION_MNIST.flags),
    model="cifar_inception{}_askc",
    layers=1,
)
SCENES = Host(
    title="Scenes of Fashion-MNIST's items",
    command="train-seg",
    flags=(
        *("--model", "fpn_resnet", "--channel-times", "1", "--crop-size", "64"),
        *("--scale", "1", "1", "--optimizer", "adamw", "--lr-mode", "cosine"),
    ),
    model="fpn_cifar_resnet{}_askc",
    classes=11,
    size=64,
    scores=(("mIoU", "test_miou"), *((f"mIoU {size}", size) for size in SIZES)),
    data_dir="scenes",
    evaluated=True,
)
