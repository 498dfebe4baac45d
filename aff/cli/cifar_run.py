"""How the settings of a CIFAR-style run become its batches."""

from __future__ import annotations

from ..data import LABEL_SMOOTHING_ETA, EvalBatches, TrainBatches, load_dataset
from ..distributed.job import create_job
from ..training.devices import choose_devices
from .cifar_settings import CifarSettings, unused_flags
from .running import SMOKE_BATCHES, Batches
from .running import execute as run


def load_batches(settings: CifarSettings, devices: int) -> Batches:
    """Training batches, and the parts to evaluate each epoch."""
    data = load_dataset(settings.dataset, settings.data_dir, settings.labels)
    if settings.val_split:
        data = data.hold_out(settings.val_split)
    limit = SMOKE_BATCHES if settings.smoke else 0
    size = settings.batch_size * devices
    train = TrainBatches(
        data,
        size,
        settings.seed,
        settings.num_workers,
        limit=limit,
        mixup_alpha=settings.mixup_alpha if settings.mixes else 0,
        mixup_until=settings.mixup_until,
        smoothing=LABEL_SMOOTHING_ETA if settings.label_smoothing else 0,
        auto_aug=settings.auto_aug,
    )
    evals = {
        part: EvalBatches(data, split, size, settings.num_workers, limit)
        for part, split in data.parts().items()
        if part != "train"
    }
    parts = ", ".join(f"{len(split)} {part}" for part, split in data.parts().items())
    labels = f" ({data.label_set} labels)" if data.label_set else ""
    return Batches(
        train,
        evals,
        data=f"{data.name}{labels}: {parts} images, from {data.source}",
        selection="selection by the held-out part of the training set"
        if data.val is not None
        else "selection by the test set, as in the published code: the best epoch's error is "
        "optimistic; --val-split holds out part of the training set instead",
        notes=[f"not used  {line}" for line in unused_flags(settings)],
    )


def execute(settings: CifarSettings) -> int:
    """Train as the settings say, from the data to the closing lines."""
    create_job("device")  # refuses to be one of several that know nothing of one another
    devices, warning = choose_devices(settings.gpus, settings.cpus)
    return run(settings, devices, lambda: load_batches(settings, len(devices)), warning)
