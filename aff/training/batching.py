"""What a run's settings make of its training batches: how many images each has, and what loaders
are told of augmentation and targets.
"""

from __future__ import annotations

from typing import Any, Dict

from ..data.augmented import Extras
from ..utils.errors import InputError
from .config import TrainConfig
from .process_group import ProcessGroup


def images_of_step(config: TrainConfig, devices: int, workers: int = 1) -> int:
    """Return the images of a step, over all devices of all workers."""
    return config.batch_size * devices * config.grad_accum_steps * workers


def check_alike(config: TrainConfig, images: Any, devices: int, group: ProcessGroup) -> None:
    """Refuse to train together with workers of other images.

    Parameters
    ----------
    config : TrainConfig
        The run.
    images : object
        What tells its images and their order from others; JSON.
    devices : int
        Devices of this worker.
    group : ProcessGroup
        The workers.

    Raises
    ------
    InputError
        Where this worker's images, batch or devices are not the first one's.
    """
    mine = [images, devices, config.batch_size, config.grad_accum_steps]
    if group.broadcast(mine) != mine:
        raise InputError(
            "this worker's images, their order, or its devices, {batch_size} or {grad_accum_steps} "
            "are not those of worker 0: give all workers the same data and flags"
        )


def batch_arguments(config: TrainConfig, devices: int, workers: int = 1) -> Dict[str, Any]:
    """Return the arguments by which loaders make a run's training batches.

    A step's batch is one micro-batch after another, each shared by the devices: it is made, and
    mixed, as for so many times the devices.

    Parameters
    ----------
    config : TrainConfig
        The run.
    devices : int
        Devices of a worker.
    workers : int, default 1
        Workers that train together.
    """
    return {
        "batch_size": images_of_step(config, devices, workers),
        "devices": devices * config.grad_accum_steps,
        "seed": config.seed,
        "auto_aug": config.auto_aug,
        "mixup_alpha": config.mixup_alpha if config.mixup else 0,
        "mixup_until": config.mixup_until,
        "extras": Extras(
            config.rand_aug,
            config.random_erasing,
            config.cutmix_alpha,
            config.mixup_cutmix_prob,
        ),
        "smoothing": config.label_smoothing,
    }
