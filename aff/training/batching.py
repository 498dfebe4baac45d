"""What a run's settings make of its training batches: how many images each has, and what loaders
are told of augmentation and targets.
"""

from __future__ import annotations

from typing import Any, Dict

from ..data.augmented import Extras
from .config import TrainConfig


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
    shares = devices * config.grad_accum_steps
    return {
        "batch_size": config.batch_size * shares * workers,
        "devices": shares,
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
