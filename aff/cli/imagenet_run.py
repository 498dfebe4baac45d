"""How the settings of an ImageNet run become its batches."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Sequence

import mxnet as mx

from ..data import LABEL_SMOOTHING_ETA
from ..data.bad_images import Damage
from ..data.image_loader import (
    TRAINING_IMAGES,
    VALIDATION_IMAGES,
    ImageEvalBatches,
    ImageTrainBatches,
)
from ..data.images import (
    IMAGENET,
    IMAGENET_CLASSES,
    FolderImages,
    Images,
    find_images,
    usual_records,
)
from ..data.loader import Share
from ..distributed.job import Job, create_job
from ..training.amp import Float32, create_precision
from ..training.devices import choose_gpus
from ..training.loss import Distillation
from ..training.teacher import build_teacher
from ..utils.errors import InputError
from .imagenet_settings import ImageNetSettings, unused_flags
from .running import SMOKE_BATCHES, Batches, execute


def find_part(options: argparse.Namespace, part: str) -> Images:
    """The training or validation images that the flags name."""
    if not options.use_rec:
        folder = os.path.expanduser(options.data_dir or IMAGENET)
        if not os.path.isdir(os.path.join(folder, part)):
            raise InputError(
                f"{folder}: holds no {part}/ with a folder of images for each class: name another "
                "with --data-dir, or .rec files with --use-rec"
            )
        return find_images(part, folder)
    records = getattr(options, f"rec_{part}") or usual_records(part)
    if not os.path.isfile(os.path.expanduser(records)):
        raise InputError(
            f"{records}: no such file: name the {part} records with --rec-{part}, or leave out "
            "--use-rec for folders of images"
        )
    return find_images(part, records=records, index=getattr(options, f"rec_{part}_idx"))


def count_classes(train: Images) -> int:
    """Number of classes of the training images: labels from 0 to the largest that occurs.

    Raises
    ------
    InputError
        Where there are fewer than two.
    """
    labels = train.classes
    count = max(labels) + 1 if isinstance(labels[0], int) else len(labels)
    if count > len(train):
        raise InputError(
            f"{train.source}: holds a label {count - 1}, and only {len(train)} images: labels "
            "count from 0, without gaps"
        )
    if count < 2:
        raise InputError(f"{train.source}: holds images of one class; two are needed to tell apart")
    return count


def load_batches(
    settings: ImageNetSettings,
    train: Images,
    val: Images,
    devices: Sequence[mx.Context],
    job: Job,
) -> Batches:
    """Training batches, and the validation set."""
    classes, size = settings.model_kwargs["classes"], settings.batch_size * len(devices)
    if isinstance(train, FolderImages) and isinstance(val, FolderImages):
        val.label_as(train.classes)
    limit = SMOKE_BATCHES if settings.smoke else 0
    shared = {
        "classes": classes,
        "size": settings.input_size,
        "workers": settings.num_workers,
        "share": Share(job.rank, job.workers),
    }
    batches = ImageTrainBatches(
        train,
        size * job.workers,
        settings.seed,
        mixup_alpha=settings.mixup_alpha if settings.mixes else 0,
        mixup_until=settings.mixup_until,
        smoothing=LABEL_SMOOTHING_ETA if settings.label_smoothing else 0,
        auto_aug=settings.auto_aug,
        limit=limit,
        damage=Damage(len(train), settings.max_bad_records),
        **shared,
    )
    evaluation = ImageEvalBatches(val, size, crop_ratio=settings.crop_ratio, limit=limit, **shared)
    return Batches(
        batches,
        {"val": evaluation},
        data=f"{len(train):,} training images from {train.source}, {len(val):,} validation images "
        f"from {val.source}, {classes} classes, {settings.input_size} pixels",
        selection="selection by the validation set, as in the published code: the best epoch's "
        "error is optimistic",
        notes=[
            *_notes(len(train), len(val), classes, len(train.classes)),
            *(f"not used  {line}" for line in unused_flags(settings)),
        ],
        damage=batches.damage,
        objective=partial(_distillation, settings, devices) if settings.teacher else None,
    )


def _distillation(
    settings: ImageNetSettings, devices: Sequence[mx.Context], precision: Float32
) -> Distillation:
    assert settings.teacher is not None
    classes = settings.model_kwargs["classes"]
    teacher = build_teacher(
        settings.teacher,
        settings.teacher_params,
        classes,
        devices,
        precision,
        settings.input_size,
    )
    return Distillation(teacher, settings.temperature, settings.hard_weight)


def _notes(train: int, val: int, classes: int, occurring: int) -> list:
    if occurring < classes:
        return [f"note      {classes - occurring} of the {classes} classes have no training image"]
    if classes == IMAGENET_CLASSES and (train, val) != (TRAINING_IMAGES, VALIDATION_IMAGES):
        return [
            f"note      1,000 classes, but not ImageNet's {TRAINING_IMAGES:,} and "
            f"{VALIDATION_IMAGES:,} images"
        ]
    return []


def train(options: argparse.Namespace, command: str) -> int:
    """Train as the flags say; what the machine lacks is said before any data is read."""
    devices = choose_gpus(options.num_gpus, options.cpus)
    create_precision(options.dtype, devices)
    images, val = (find_part(options, part) for part in ("train", "val"))
    settings = ImageNetSettings.from_options(
        options, command, count_classes(images), {"train": images, "val": val}
    )
    job = create_job(options.kvstore)
    mine = [settings.images, len(devices), settings.batch_size]
    if job.from_leader(mine) != mine:
        raise InputError(
            "this worker's images, their order, or its devices or --batch-size are not those of "
            "worker 0: give all workers the same data and flags"
        )
    return execute(
        settings,
        devices,
        lambda: load_batches(settings, images, val, devices, job),
        text_log=settings.logging_file,
        interval=settings.log_interval,
        job=job,
    )
