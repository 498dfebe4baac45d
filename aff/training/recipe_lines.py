"""What a run says, in its first lines, of what is switched on beyond the published recipe."""

from __future__ import annotations

from typing import List

from .checkpoint import BEST, BEST_EMA
from .config import TrainConfig


def recipe_lines(config: TrainConfig) -> List[str]:
    """Return a line for each part of today's recipe that is on; none for a published run."""
    lines = []
    if config.clip_grad:
        lines.append(f"gradients longer than {config.clip_grad:g} are scaled down to that norm")
    if config.model_ema:
        lines.append(
            f"average   of parameters and BatchNorm's statistics, decay {config.model_ema:g}, less "
            f"in the first steps; {BEST_EMA} is its best epoch, by the part that chooses {BEST}"
        )
    return lines
