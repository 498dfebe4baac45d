"""Evaluation of segmentation by the size of what is seen, on scenes that tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict

import numpy as np

from ..data.mask_loader import MaskEvalLoader
from ..data.scene_sizes import SizeMaps
from ..data.scenes import SIZES
from .pixel_evaluation import PixelEvaluation, count_confusions


@dataclass
class SizeCollector:
    """Counts confusions of pixels by size, as an observer of
    :func:`aff.training.pixel_evaluation.evaluate_pixels`.

    Parameters
    ----------
    batches : MaskEvalLoader
        What is evaluated, each batch in its order.
    maps : SizeMaps
        Of the same images.
    classes : int
        The network's.
    """

    batches: MaskEvalLoader
    maps: SizeMaps
    classes: int
    seen: int = 0
    counts: Dict[str, np.ndarray] = field(init=False)

    def __post_init__(self):
        self.counts = {name: np.zeros((self.classes,) * 2, np.int64) for name in SIZES}

    def __call__(self, found: np.ndarray, labels: np.ndarray) -> None:
        """Count a batch: what its pixels were taken for, and their labels, (N, H, W)."""
        for index, taken, own in zip(self.batches.indices(self.seen), found, labels):
            for name, divided in self.maps.divide(own, index).items():
                self.counts[name] += count_confusions(divided, taken, self.classes)
        self.seen += 1

    @property
    def results(self) -> Dict[str, PixelEvaluation]:
        """What was found near items of each size that occurs; `samples` are all images."""
        samples = sum(len(self.batches.indices(batch)) for batch in range(self.seen))
        return {
            name: PixelEvaluation(samples, counts)
            for name, counts in self.counts.items()
            if counts.any()
        }
