"""A line of a run's history: what an epoch trained, and the scores of its evaluation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Set

from ..utils.json_file import ranged
from .scores import IMAGES, PIXELS, Scores

#: Beyond these no figure is one of a training's, and none can be drawn.
MAX_EPOCH, MAX_FIGURE = 1_000_000, 1e12
#: Before what is kept of the moving average.
AVERAGE = "ema_"
#: What training measures in percent, as an epoch's line has it.
_SHARES = {"top1_error": "error", "pixel_error": "pixel error"}


@dataclass
class EpochRecord:
    """One line of a run's history; scores are fractions, 0 to 1, by part ('test', and 'val' where
    there is one), those of images' classes or of pixels'; those of the moving average are empty
    where there is none.
    """

    epoch: int = ranged(0, MAX_EPOCH)
    lr: float = ranged(0, MAX_FIGURE)
    train_loss: float = ranged(-MAX_FIGURE, MAX_FIGURE)
    train_metric: str = ranged()
    train_value: float = ranged(0, MAX_FIGURE)
    top1_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    top5_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    images_per_sec: float = ranged(0, MAX_FIGURE, default=0.0)
    seconds: float = ranged(0, MAX_FIGURE, default=0.0)
    ema_top1_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    ema_top5_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    grad_norm: Optional[float] = ranged(0, MAX_FIGURE, default=None)
    clipped: Optional[float] = ranged(0, 1, default=None)
    miou: Dict[str, float] = ranged(0, 1, default_factory=dict)
    pixel_error: Dict[str, float] = ranged(0, 1, default_factory=dict)
    ema_miou: Dict[str, float] = ranged(0, 1, default_factory=dict)
    ema_pixel_error: Dict[str, float] = ranged(0, 1, default_factory=dict)

    @property
    def kept(self) -> Scores:
        """Which scores it holds."""
        return PIXELS if self.miou and not self.top1_error else IMAGES

    def parts(self, kept: Scores, prefix: str = "") -> Set[str]:
        """Return the parts that all of the scores are there of."""
        return set.intersection(*(set(getattr(self, prefix + name)) for name in kept.names))

    def scores(self, part: str, prefix: str = "") -> Dict[str, float]:
        """Return the scores on a part, by name; `AVERAGE` for the moving average's."""
        return {name: getattr(self, prefix + name)[part] for name in self.kept.names}

    def error(self, part: str, prefix: str = "") -> Optional[float]:
        """Return the error by which epochs are compared, 0 to 1; None where it is not there."""
        value = getattr(self, prefix + self.kept.names[0]).get(part)
        return None if value is None else self.kept.error(value)

    def told(self) -> Dict[str, Any]:
        """Return what the log keeps: all but what this run does not have."""
        return {key: value for key, value in asdict(self).items() if value not in ({}, None)}

    def line(self, classes: int) -> str:
        """Return the record of a network of so many classes as text, in fields that two blanks
        part; scores in percent.
        """
        share = _SHARES.get(self.train_metric)
        trained = (
            f"{share} {100 * self.train_value:.2f} %"
            if share
            else f"{self.train_metric} {self.train_value:.4f}"
        )
        clipping = (
            []
            if self.grad_norm is None or self.clipped is None
            else [f"gradient {self.grad_norm:.4g}, {100 * self.clipped:.0f} % clipped"]
        )
        fields = [
            f"epoch {self.epoch}",
            f"lr {self.lr:.4g}",
            f"train loss {self.train_loss:.4f}, {trained}",
            *clipping,
            f"{self.images_per_sec:.0f} images/s",
            f"{self.seconds:.1f} s",
            *self._shown(classes),
            *self._shown(classes, AVERAGE, "average's "),
        ]
        return "  ".join(fields)

    def _shown(self, classes: int, prefix: str = "", whose: str = "") -> List[str]:
        first = getattr(self, prefix + self.kept.names[0])
        return [
            f"{whose}{part} {self.kept.brief(self.scores(part, prefix), classes)}" for part in first
        ]
