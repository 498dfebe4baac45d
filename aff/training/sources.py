"""From a configuration to the data of its run: small images from memory, image files, or images
with masks.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Callable, Dict, List, Sequence

import mxnet as mx

from ..data.bad_images import BadImagePolicy
from ..data.classes import count_classes, names_of_classes, without_images
from ..data.datasets import DATASETS, find_dataset, load_dataset
from ..data.datasets.folder import list_parts
from ..data.image_loader import TRAINING_IMAGES, ImageEvalLoader, ImageTrainLoader
from ..data.image_parts import draw, folder_parts, record_parts
from ..data.loader import EvalLoader, Shard, TrainLoader
from .amp import Float32
from .batching import batch_arguments, check_alike
from .config import TrainConfig
from .data import HELD_OUT, SMOKE_BATCHES, Data, sums_of
from .loss import Distillation
from .mask_source import MaskSource
from .process_group import ProcessGroup
from .task import Task
from .teacher import build_teacher


class MemorySource:
    """Small images, which are read when the run's folder is settled.

    Parameters
    ----------
    config : TrainConfig
        Names the data set.
    """

    def __init__(self, config: TrainConfig):
        record = find_dataset(config.dataset)
        self.classes, names = record.classes, record.class_names(config.labels, record.classes)
        self.facts: Dict[str, Any] = {"class_names": names}
        if record.is_open:
            parts = list_parts(config.data_dir, config.val_split)
            self.classes = count_classes(parts["train"])
            self.facts = {
                "class_names": names_of_classes(parts["train"], self.classes),
                **sums_of(parts),
            }

    def load(self, config: TrainConfig, devices: Sequence[mx.Context], group: ProcessGroup) -> Data:
        """Read the data set, and prepare its loaders."""
        data = load_dataset(
            config.dataset,
            config.data_dir,
            config.labels,
            config.input_size,
            config.normalize_as,
            config.val_split,
            config.num_workers,
        ).draw(config.train_fraction, config.seed)
        data = replace(data, mirror=data.mirror and config.mirror)
        limit = SMOKE_BATCHES if config.smoke else 0
        size = config.batch_size * len(devices)
        train = TrainLoader(
            data,
            workers=config.num_workers,
            limit=limit,
            **batch_arguments(config, len(devices)),
        )
        evals = {
            part: EvalLoader(data, split, size, config.num_workers, limit)
            for part, split in data.parts().items()
            if part != "train"
        }
        parts = ", ".join(f"{len(split)} {part}" for part, split in data.parts().items())
        labels = f" ({data.label_set} labels)" if data.label_set else ""
        shown, notes = "", []
        if find_dataset(config.dataset).is_open:
            grey = ", grey" if len(data.mean) == 1 else ""
            style = config.normalize_as or "imagenet"
            shown = f", {data.size} pixels{grey}, normalised as {style}"
            tested = {part: split for part, split in data.parts().items() if part != "train"}
            for part, split in tested.items():
                notes += without_images(split.labels, data.classes, part)
        sums = {part: split.sums for part, split in data.parts().items()}
        return Data(
            train,
            evals,
            description=f"{data.name}{labels}: {parts} images, from {data.source}{shown}",
            notes=notes,
            selection=HELD_OUT
            if config.val_split
            else "selection by the validation set"
            if data.val is not None
            else "selection by the test set, as in the published code: the best epoch's error is "
            "optimistic; {val_split} holds out part of the training set instead",
            facts={"sums": sums, **self.facts},
        )


class FileSource:
    """Image files in ImageNet's form, opened and counted.

    Parameters
    ----------
    config : TrainConfig
        Names folders or records.

    Raises
    ------
    InputError
        For images that are not there, or of fewer than two classes.
    """

    def __init__(self, config: TrainConfig):
        fraction = config.val_split
        self.parts = (
            record_parts(
                config.rec_train,
                config.rec_train_idx,
                config.rec_val,
                config.rec_val_idx,
                fraction,
            )
            if config.use_rec
            else folder_parts(config.data_dir, fraction)
        )
        self.train = draw(self.parts["train"], config.train_fraction, config.seed)
        self.parts["train"] = self.train
        self.classes = count_classes(self.train)
        self.whole = not fraction and config.train_fraction == 1

    @cached_property
    def facts(self) -> Dict[str, Any]:
        """Names of the classes, numbers of images, and sums that tell them and their order from
        others.
        """
        return {
            "class_names": names_of_classes(self.train, self.classes),
            "train_images": len(self.train),
            "val_images": len(self.parts["val"]),
            **sums_of(self.parts),
        }

    def load(self, config: TrainConfig, devices: Sequence[mx.Context], group: ProcessGroup) -> Data:
        """Prepare the loaders; of several processes each reads its shard."""
        facts = self.facts
        check_alike(config, facts["images"], len(devices), group)
        size = config.batch_size * len(devices)
        shared: Dict[str, Any] = {
            "classes": self.classes,
            "size": config.input_size,
            "workers": config.num_workers,
            "limit": SMOKE_BATCHES if config.smoke else 0,
            "shard": Shard(group.rank, group.world_size),
        }
        bad_images = BadImagePolicy(len(self.train), config.max_bad_records)
        train = ImageTrainLoader(
            self.train,
            bad_images=bad_images,
            **batch_arguments(config, len(devices), group.world_size),
            **shared,
        )
        names = {"val": "validation", "test": "test"}
        evals = {part: images for part, images in self.parts.items() if part != "train"}
        counts = [
            f"{len(evals[part]):,} {names[part]} images from {evals[part].source}" for part in evals
        ]
        return Data(
            train,
            {
                part: ImageEvalLoader(images, size, crop_ratio=config.crop_ratio, **shared)
                for part, images in evals.items()
            },
            description=f"{len(self.train):,} training images from {self.train.source}, "
            f"{', '.join(counts)}, {self.classes} classes, {config.input_size} pixels",
            selection=HELD_OUT
            if config.val_split
            else "selection by the validation set"
            + (
                ""
                if "test" in evals
                else ", as in the published code: the best epoch's error is optimistic"
            ),
            notes=[
                *self._notes(),
                *(
                    note
                    for part, images in evals.items()
                    for note in without_images(images.labels(), self.classes, names[part])
                ),
            ],
            facts=facts,
            task=partial(_distillation, config, self.classes, devices, train.soft_targets)
            if config.teacher
            else None,
            bad_images=bad_images,
        )

    def _notes(self) -> List[str]:
        missing = self.classes - len(self.train.classes)
        if missing > 0:
            return [f"note      {missing} of the {self.classes} classes have no training image"]
        imagenet = DATASETS["imagenet"]
        counts = (len(self.train), len(self.parts["val"]))
        if (
            self.whole
            and self.classes == imagenet.classes
            and counts != (TRAINING_IMAGES, imagenet.whole)
        ):
            return [
                f"note      1,000 classes, but not ImageNet's {TRAINING_IMAGES:,} and "
                f"{imagenet.whole:,} images"
            ]
        return []


SOURCES: Dict[str, Callable[[TrainConfig], Any]] = {
    "cifar": MemorySource,
    "imagenet": FileSource,
    "segmentation": MaskSource,
}


def open_source(config: TrainConfig) -> Any:
    """Open the source of a run's data: what is there of it, without reading it."""
    return SOURCES[config.kind](config)


def _distillation(
    config: TrainConfig,
    classes: int,
    devices: Sequence[mx.Context],
    soft_targets: bool,
    precision: Float32,
) -> Task:
    assert config.teacher is not None
    teacher = build_teacher(
        config.teacher, config.teacher_params, classes, devices, precision, config.input_size
    )
    return Task(soft_targets, Distillation(teacher, config.temperature, config.hard_weight))
