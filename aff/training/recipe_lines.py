"""What a run says, in its first lines, of what its recipe switches on."""

from __future__ import annotations

from typing import List

from ..data.mixup import LABEL_SMOOTHING_ETA
from .checkpoint import BEST, BEST_EMA
from .config import TrainConfig


def recipe_lines(config: TrainConfig) -> List[str]:
    """Return a line for each part of the recipe that is on: mixup, and today's, of which no
    published run has any.
    """
    return [*_mixing(config), *_optimization(config), *_augmentation(config), *_around(config)]


def _mixing(config: TrainConfig) -> List[str]:
    kinds = {"mixup": config.mixup and config.mixup_alpha, "cutmix": config.cutmix_alpha}
    off = (
        f"off: all {config.num_epochs} epochs are among the last {config.mixup_off_epoch} "
        "({mixup_off_epoch})"
    )
    both = f", of {config.mixup_cutmix_prob:g} of the batches" if all(kinds.values()) else ""
    lines = []
    for kind, alpha in kinds.items():
        share = both if kind == "cutmix" else ""
        on = f"alpha {alpha:g} in epochs 0 to {config.mixup_until - 1}{share}"
        if alpha:
            lines.append(f"{kind:9} {on if config.mixup_until else off}")
    return lines


def _optimization(config: TrainConfig) -> List[str]:
    lines = []
    if config.never_decays:
        epochs = ", ".join(map(str, config.lr_decay_epoch))
        lines.append(
            f"rate      {config.lr:g} to the end: {{lr_decay_epoch}} {epochs} is beyond "
            f"{{num_epochs}} {config.num_epochs}"
        )
    if config.loss != "ce":
        lines.append(f"loss      {config.loss}, in place of cross-entropy")
    if config.grad_accum_steps > 1:
        lines.append(f"steps     of {config.grad_accum_steps} batches, whose gradients are summed")
    if config.optimizer != "nag":
        values = ", ".join(f"{key} {value:g}" for key, value in config.optimizer_settings.items())
        lines.append(f"optimizer {config.optimizer}, {values}")
    if config.clip_grad:
        lines.append(f"gradients longer than {config.clip_grad:g} are scaled down to that norm")
    return lines


def _augmentation(config: TrainConfig) -> List[str]:
    lines = []
    if config.rand_aug:
        count, magnitude = config.rand_aug
        lines.append(f"randaug   {count} operations an image at magnitude {magnitude}")
    if config.random_erasing:
        lines.append(f"erasing   a box of an image, probability {config.random_erasing:g}")
    if config.label_smoothing not in (0, LABEL_SMOOTHING_ETA):
        lines.append(f"labels    smoothed by {config.label_smoothing:g}")
    return lines


def _around(config: TrainConfig) -> List[str]:
    lines = []
    if config.model_ema:
        lines.append(
            f"average   of parameters and BatchNorm's statistics, decay {config.model_ema:g}, less "
            f"in the first steps; {BEST_EMA} is its best epoch, by the part that chooses {BEST}"
        )
    if config.early_stop:
        lines.append(f"ends      after {config.early_stop} epochs without a better score")
    return lines
