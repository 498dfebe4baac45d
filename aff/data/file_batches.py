"""Batches of files, with images' labels or masks: in an order for each epoch, read ahead of their
use.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ..utils.errors import InputError
from .augmented import Batch, WholeBatches
from .bad_images import BadImagePolicy
from .loader import Shard, prefetch
from .transforms import MEAN, STD

AHEAD = 2
_ORDER, _IMAGE = 10, 11


def load_batches(
    load: Callable[[int], Tuple[np.ndarray, Any]],
    batches: Sequence[Sequence[int]],
    workers: int,
    bad_images: Optional[BadImagePolicy] = None,
) -> Iterator[Batch]:
    """Yield batches of what `load` makes of their indices, `AHEAD` of their use.

    Parameters
    ----------
    load : callable
        An index to an image and its label: a number, or an array of one for each pixel.
    batches : sequence of sequence of int
        Indices of each batch.
    workers : int
        Threads; 0: the caller.
    bad_images : BadImagePolicy, optional
        Puts up with images for which `load` raises `InputError`.

    Yields
    ------
    data : numpy.ndarray
        (B, ...) of the images' type.
    labels : numpy.ndarray
        (B, ...) int32.
    """

    def load_good(index: int) -> Tuple[np.ndarray, Any]:
        while True:
            try:
                return load(index)
            except InputError as error:
                if bad_images is None:
                    raise
                index = bad_images.instead(index, error)

    order = [index for batch in batches for index in batch]
    ahead = AHEAD * max(map(len, batches), default=0) + workers
    loaded = prefetch(lambda number: load_good(order[number]), len(order), workers, ahead)
    with contextlib.closing(loaded):
        for indices in batches:
            data, labels = zip(*itertools.islice(loaded, len(indices)))
            yield np.stack(data), np.array(labels, np.int32)


class ShuffledFiles(WholeBatches):
    """Training batches of files, read as they are needed, in an order for each epoch."""

    seed: int
    shard: Shard

    @property
    def normalization(self) -> Tuple[Sequence[float], Sequence[float]]:
        return (MEAN / 255).tolist(), (STD / 255).tolist()

    def shuffled(self, images: int, epoch: int, start: int) -> List[List[int]]:
        """Return indices of an epoch's batches, from number `start` on: of each this worker's."""
        count = self.count(images)
        whole = (
            self.permuted(images, epoch)[: count * self.batch_size]
            .reshape(count, self.batch_size)
            .tolist()
        )
        return [self.shard.of_batch(batch) for batch in whole[start:]]

    def permuted(self, images: int, epoch: int) -> np.ndarray:
        """Return indices of so many images in an epoch's order."""
        return np.random.default_rng([self.seed, epoch, _ORDER]).permutation(images)

    def generator(self, epoch: int, index: int) -> np.random.Generator:
        """Return what an image's augmentation in an epoch is drawn from."""
        return np.random.default_rng([self.seed, epoch, _IMAGE, index])
