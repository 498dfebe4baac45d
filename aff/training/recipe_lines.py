"""What a run says, in its first lines, of what is switched on beyond the published recipe."""

from __future__ import annotations

from typing import List

from ..data.mixup import LABEL_SMOOTHING_ETA
from .checkpoint import BEST, BEST_EMA
from .config import TrainConfig


def recipe_lines(config: TrainConfig) -> List[str]:
    """Return a line for each part of today's recipe that is on; none for a published run."""
    lines = []
    if config.optimizer != "nag":
        values = ", ".join(f"{key} {value:g}" for key, value in config.optimizer_settings.items())
        lines.append(f"optimizer {config.optimizer}, {values}")
    if config.rand_aug:
        count, magnitude = config.rand_aug
        lines.append(f"randaug   {count} operations an image at magnitude {magnitude}")
    if config.random_erasing:
        lines.append(f"erasing   a box of an image, probability {config.random_erasing:g}")
    if config.cutmix_alpha:
        share = f", of {config.mixup_cutmix_prob:g} of the batches" if config.mixup else ""
        until = config.mixup_until - 1
        lines.append(f"cutmix    alpha {config.cutmix_alpha:g} in epochs 0 to {until}{share}")
    if config.label_smoothing not in (0, LABEL_SMOOTHING_ETA):
        lines.append(f"labels    smoothed by {config.label_smoothing:g}")
    if config.clip_grad:
        lines.append(f"gradients longer than {config.clip_grad:g} are scaled down to that norm")
    if config.model_ema:
        lines.append(
            f"average   of parameters and BatchNorm's statistics, decay {config.model_ema:g}, less "
            f"in the first steps; {BEST_EMA} is its best epoch, by the part that chooses {BEST}"
        )
    if config.early_stop:
        lines.append(f"ends      after {config.early_stop} epochs without a lower error")
    return lines
