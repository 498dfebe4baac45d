"""Evaluation: top-1 and top-5 error over every sample exactly once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..utils.errors import RunError
from .devices import split
from .process_group import ProcessGroup

Observer = Callable[[np.ndarray, np.ndarray], None]
DIVERGED = (
    "the network's outputs are not finite: its parameters are damaged or its training diverged"
)


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
        raise RunError(DIVERGED)
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
    for outputs, labels in computed(net, batches, devices, dtype, progress):
        logits = np.concatenate(
            [output.asnumpy().astype(np.float32, copy=False) for output in outputs]
        )
        if observe:
            observe(logits, labels)
        ranks = label_ranks(logits, labels)
        samples += len(ranks)
        top1_wrong += int((ranks >= 1).sum())
        top5_wrong += int((ranks >= 5).sum())
    counts = (group or ProcessGroup()).all_reduce([samples, top1_wrong, top5_wrong])
    result = Evaluation(*counts.astype(int).tolist())
    check_samples(result.samples, batches)
    return result


def computed(
    net: Callable, batches, devices: Sequence[mx.Context], dtype: str, progress: Callable
) -> Iterator[Tuple[List[mx.nd.NDArray], np.ndarray]]:
    """Yield the outputs of each batch by device, with its labels; the next batch is computed
    meanwhile. The arguments are those of `evaluate`.
    """
    pending: deque = deque()
    for data, labels in progress(batches):
        pending.append(([net(part) for part in split(data, devices, dtype)], labels))
        if len(pending) > 1:
            yield pending.popleft()
    yield from pending


def check_samples(samples: int, batches) -> None:
    """Refuse an evaluation of another number of samples than its batches said that there are."""
    if samples != batches.samples_of_all:
        raise RunError(f"evaluated {samples} samples of {batches.samples_of_all}")
