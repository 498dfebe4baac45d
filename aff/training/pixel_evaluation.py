"""Evaluation of segmentation: every pixel that counts exactly once, in a matrix of confusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..data.mask_file import IGNORED
from ..utils.errors import InputError, RunError
from .evaluation import DIVERGED, Observer, check_samples, computed
from .process_group import ProcessGroup


@dataclass(frozen=True)
class PixelEvaluation:
    """What an evaluation of segmentation found.

    Parameters
    ----------
    samples : int
        Number of images seen.
    counts : numpy.ndarray
        Pixels, (K, K) int64: rows are their classes, columns those that they were taken for.
    """

    samples: int
    counts: np.ndarray

    @property
    def class_iou(self) -> np.ndarray:
        """Intersection over union of each class, (K,) float64, 0 to 1: pixels of the class that
        were taken for it, over those that are of it or were taken for it. NaN where there are none.
        """
        right = np.diag(self.counts)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - right
        return np.where(union > 0, right / np.maximum(union, 1), np.nan)

    @property
    def miou(self) -> float:
        """Mean of `class_iou` over the classes that occur, among the labels or in what was found;
        others do not count.
        """
        return float(np.nanmean(self.class_iou))

    @property
    def pixels(self) -> int:
        """Number of pixels that count."""
        return int(self.counts.sum())

    @property
    def pixel_error(self) -> float:
        """Fraction of the pixels that were taken for another class."""
        return (self.pixels - int(np.trace(self.counts))) / self.pixels


def count_confusions(labels: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """Return how many pixels of each class were taken for each, (K, K) int64.

    Parameters
    ----------
    labels : numpy.ndarray
        Classes, of any shape and number format; `IGNORED` where a pixel does not count.
    found : numpy.ndarray
        What they were taken for, of the same shape.
    classes : int
        K.

    Raises
    ------
    InputError
        For a label that is none of the K classes.
    """
    counted = labels != IGNORED
    true = labels[counted].astype(np.int64)
    if true.size and not 0 <= true.min() <= true.max() < classes:
        raise InputError(f"a mask has the label {true.max()}: the network has {classes} classes")
    pairs = true * classes + found[counted].astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def evaluate_pixels(
    net: HybridBlock,
    batches,
    devices: Sequence[mx.Context],
    dtype: str = "float32",
    progress: Callable[[Iterable], Iterable] = iter,
    group: Optional[ProcessGroup] = None,
    observe: Optional[Observer] = None,
) -> PixelEvaluation:
    """Evaluate a segmentation network over all pixels that count.

    Parameters
    ----------
    net : HybridBlock
        (N, 3, H, W) to logits (N, K, H, W).
    batches : iterable
        Gives (data, labels) as NumPy arrays, labels (N, H, W); its `samples_of_all` says how many
        images there are in all.
    devices : sequence of Context
        Where the network's parameters are.
    dtype : str, default 'float32'
        Number format of the network's input.
    progress : callable, optional
        Wraps `batches`, e.g. to show a bar.
    group : ProcessGroup, optional
        The processes that evaluate together, each its share of the images.
    observe : callable, optional
        Is given the classes that were found, (N, H, W), and the labels of every batch of this
        process, in order.

    Raises
    ------
    InputError
        For a label that is none of the network's classes.
    RunError
        When the batches held another number of images than they said, when none of their pixels
        counts, or outputs are not finite.
    """
    samples, counts = 0, np.zeros((0, 0), np.int64)
    for outputs, labels in computed(net, batches, devices, dtype, progress):
        classes = outputs[0].shape[1]
        if not all(mx.nd.contrib.isfinite(output).min().asscalar() for output in outputs):
            raise RunError(DIVERGED)
        found = np.concatenate([output.argmax(axis=1).asnumpy() for output in outputs])
        if observe:
            observe(found, labels)
        confusions = count_confusions(labels, found, classes)
        counts = counts + confusions if samples else confusions
        samples += len(labels)
    result = PixelEvaluation(*_summed(samples, counts, group or ProcessGroup()))
    check_samples(result.samples, batches)
    if not result.pixels:
        raise RunError("no pixel of the masks counts: all are of the label 255")
    return result


def _summed(samples: int, counts: np.ndarray, group: ProcessGroup) -> Tuple[int, np.ndarray]:
    """Sum what the processes found, of which one without an image does not know the classes."""
    known, of, samples = group.all_reduce([len(counts), len(counts) > 0, samples]).astype(int)
    classes = known // max(of, 1)
    mine = counts if len(counts) else np.zeros((classes, classes), np.int64)
    total = group.all_reduce(mine.ravel()).astype(np.int64)
    return int(samples), total.reshape(classes, classes)
