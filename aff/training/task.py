"""What a run learns: the classes of images, or of their pixels. Its loss, what training measures
beside it, its evaluation, and the scores that are kept and choose the best epoch.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Optional

import mxnet as mx

from ..data.mask_file import IGNORED
from ..nn.native.operator import why_not
from .evaluation import evaluate
from .loss import CrossEntropy, PixelCrossEntropy
from .pixel_evaluation import evaluate_pixels
from .scores import IMAGES, PIXELS, Scores


def wrong_count(logits, targets):
    """Count the samples whose first class is not the target's: (N, K), (N, K) to (1,)."""
    return (logits.argmax(axis=1) != targets.argmax(axis=1)).sum()


def squared_error(logits, targets):
    """Sum over samples of the mean squared difference of softmax and target: (N, K), (N, K) to
    (1,).
    """
    return (logits.softmax(axis=1) - targets).square().mean(axis=1).sum()


def wrong_pixels(logits, labels):
    """Sum over images of the share of their pixels that have another class first, of those that
    count: (N, K, H, W), (N, H, W) to (1,).
    """
    counted = labels != IGNORED
    wrong = (logits.argmax(axis=1) != labels) * counted
    return (wrong.sum(axis=(1, 2)) / mx.nd.maximum(counted.sum(axis=(1, 2)), 1)).sum()


class Task:
    """What a run learns: here the classes of images.

    Parameters
    ----------
    soft_targets : bool, default False
        Whether targets are not one-hot: training then measures the ``'rmse'``, as published,
        instead of the ``'top1_error'``.
    loss : callable, optional
        What is minimised, called as `CrossEntropy`, which is the default.

    Attributes
    ----------
    metric : str
        What training measures.
    scores : Scores
        What is kept of an evaluation.
    evaluate : callable
        As :func:`aff.training.evaluation.evaluate`; what it gives has the attributes that `scores`
        names.
    """

    scores: Scores = IMAGES
    evaluate: Callable[..., Any] = staticmethod(evaluate)

    @property
    def repeats_in_threads(self) -> bool:
        """Whether training repeats bit for bit in several threads on a CPU."""
        return True

    def __init__(self, soft_targets: bool = False, loss: Optional[CrossEntropy] = None):
        self.metric = "rmse" if soft_targets else "top1_error"
        self.loss = loss or CrossEntropy()

    def measure(self, outputs, truths):
        """Return the sum over samples of what training measures, (1,), of the network's outputs and
        the targets.
        """
        return (squared_error if self.metric == "rmse" else wrong_count)(outputs, truths)

    def mean(self, value: float) -> float:
        """Return an epoch's measure, given the mean over its samples."""
        return math.sqrt(value) if self.metric == "rmse" else value


class Segmentation(Task):
    """The classes of pixels: (N, K, H, W) logits, and (N, H, W) labels of which 255 do not count.

    Parameters
    ----------
    loss : callable, optional
        What is minimised: `PixelCrossEntropy`, which is the default, or `SoftIoU`.
    """

    scores = PIXELS
    evaluate = staticmethod(evaluate_pixels)

    @property
    def repeats_in_threads(self) -> bool:
        """mxnet's own resizing of maps adds gradients as its threads come."""
        return not why_not()

    def __init__(self, loss: Optional[CrossEntropy] = None):
        super().__init__(loss=loss or PixelCrossEntropy())
        self.metric = "pixel_error"

    def measure(self, outputs, truths):
        return wrong_pixels(outputs, truths)
