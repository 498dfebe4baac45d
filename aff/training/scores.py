"""What a run keeps of an evaluation, how that is compared, and how it is told: of images' classes,
and of pixels'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Tuple

from ..utils.report import score, top5_says_something


@dataclass(frozen=True)
class Scores:
    """The scores of images' classes, of which the first chooses the best epoch.

    Parameters
    ----------
    names : tuple of str
        Fields of `EpochRecord`, and attributes of what an evaluation gives: fractions, 0 to 1.
    title : str
        What the first is called.
    better : str
        What a better first score is.
    """

    names: Tuple[str, str] = ("top1_error", "top5_error")
    title: str = "top-1 error"
    better: str = "lower {} error"

    def of(self, found: object) -> Dict[str, float]:
        """Return the scores of what an evaluation gives, by name."""
        return {name: getattr(found, name) for name in self.names}

    def error(self, value: float) -> float:
        """Return how far the first score is from the best there can be, 0 to 1."""
        return value

    def brief(self, values: Mapping[str, float], classes: int) -> str:
        """Return scores of a network of so many classes as they stand in an epoch's line."""
        text = f"error {100 * values['top1_error']:.2f} %"
        shown5 = top5_says_something(classes)
        return text + (f", top-5 {100 * values['top5_error']:.2f} %" if shown5 else "")

    def phrase(self, values: Mapping[str, float], classes: int) -> str:
        """Return them as they stand where a run ends."""
        return score({"top1": values["top1_error"], "top5": values["top5_error"]}, classes)

    def headline(self, value: float) -> str:
        """Return the first score alone, and what it is."""
        return f"accuracy  {100 * (1 - value):.2f} %"


class PixelScores(Scores):
    """The scores of pixels' classes: the mean intersection over union, and the share of pixels
    that are wrong.
    """

    def __init__(self) -> None:
        super().__init__(("miou", "pixel_error"), "mean IoU", "higher {} mIoU")

    def error(self, value: float) -> float:
        return 1 - value

    def brief(self, values: Mapping[str, float], classes: int) -> str:
        return f"mIoU {100 * values['miou']:.2f} %, pixel error {100 * values['pixel_error']:.2f} %"

    def phrase(self, values: Mapping[str, float], classes: int) -> str:
        accuracy = f"(pixel accuracy {100 * (1 - values['pixel_error']):.2f} %)"
        return f"{self.brief(values, classes)} {accuracy}"

    def headline(self, value: float) -> str:
        return f"mean IoU  {100 * value:.2f} %"


IMAGES, PIXELS = Scores(), PixelScores()
