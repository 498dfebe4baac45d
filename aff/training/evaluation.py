"""Evaluation: top-1 and top-5 error over every sample exactly once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..utils.errors import RunError
from .devices import split
from .process_group import ProcessGroup

Observer = Callable[[np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    samples : int
        Number of samples seen.
    top1_wrong, top5_wrong : int
        How many had another class first, or their own not among the first five.
    """

    samples: int
    top1_wrong: int
    top5_wrong: int

    @property
    def top1_error(self) -> float:
        """Fraction of samples, 0 to 1."""
        return self.top1_wrong / self.samples

    @property
    def top5_error(self) -> float:
        """Fraction of samples, 0 to 1."""
        return self.top5_wrong / self.samples


def label_ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the place of each label in its row's order, 0 for the first; equal values rank by
    their position, as argmax does.

    Parameters
    ----------
    logits : numpy.ndarray
        (N, classes).
    labels : numpy.ndarray
        (N,) integers.

    Raises
    ------
    RunError
        When a logit is not finite: no order means anything then.
    """
    if not np.isfinite(logits).all():
        raise RunError(
            "the network's outputs are not finite: its parameters are damaged or its training "
            "diverged"
        )
    own = logits[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    return ((logits > own) | ((logits == own) & earlier)).sum(axis=1)


def evaluate(
    net: HybridBlock,
    batches,
    devices: Sequence[mx.Context],
    dtype: str = "float32",
    progress: Callable[[Iterable], Iterable] = iter,
    group: Optional[ProcessGroup] = None,
    observe: Optional[Observer] = None,
) -> Evaluation:
    """Evaluate the top-1 and top-5 error of a network.

    Parameters
    ----------
    net : HybridBlock
        (N, 3, H, W) to logits (N, classes).
    batches : iterable
        Gives (data, labels) as NumPy arrays; its `samples_of_all` says how many there are in all.
    devices : sequence of Context
        Where the network's parameters are.
    dtype : str, default 'float32'
        Number format of the network's input.
    progress : callable, optional
        Wraps `batches`, e.g. to show a bar.
    group : ProcessGroup, optional
        The processes that evaluate together, each its share of the samples.
    observe : callable, optional
        Is given the logits (B, classes), float32, and the labels (B,) of every batch of this
        process, in order.

    Raises
    ------
    RunError
        When the batches held another number of samples than they said, or outputs are not finite.
    """
    samples = top1_wrong = top5_wrong = 0
    pending: deque = deque()

    def finish_oldest():
        nonlocal samples, top1_wrong, top5_wrong
        outputs, labels = pending.popleft()
        logits = np.concatenate(
            [output.asnumpy().astype(np.float32, copy=False) for output in outputs]
        )
        if observe:
            observe(logits, labels)
        ranks = label_ranks(logits, labels)
        samples += len(ranks)
        top1_wrong += int((ranks >= 1).sum())
        top5_wrong += int((ranks >= 5).sum())

    for data, labels in progress(batches):
        pending.append(([net(part) for part in split(data, devices, dtype)], labels))
        if len(pending) > 1:
            finish_oldest()
    while pending:
        finish_oldest()
    counts = (group or ProcessGroup()).all_reduce([samples, top1_wrong, top5_wrong])
    result = Evaluation(*counts.astype(int).tolist())
    if result.samples != batches.samples_of_all:
        raise RunError(f"evaluated {result.samples} samples of {batches.samples_of_all}")
    return result
