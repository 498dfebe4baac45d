"""Batches for training and evaluation: which images, in which order, prepared by how many threads.

A training batch is a pure function of the run's seed, the epoch and its number in the epoch, so
that a run is the same whatever the number of threads, and goes on after an interruption as if there
had been none.
"""

from __future__ import annotations

import math
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Generator, Iterator, List, Optional, Sequence, Tuple, TypeVar

import numpy as np

from ..utils.errors import InputError
from .augmented import AugmentedLoader, Batch, Extras
from .auto_augment import CIFAR
from .datasets.base import DataSet, Split
from .transforms import normalize, random_crop, random_mirror

T = TypeVar("T")
_ORDER, _BATCH = 0, 1


def prefetch(
    make: Callable[[int], T], count: int, workers: int, ahead: Optional[int] = None
) -> Generator[T, None, None]:
    """Yield ``make(0), ..., make(count - 1)`` in order, made by `workers` threads (0: by the
    caller), `ahead` of them (by default one more than there are threads) before their use.
    """
    ahead = workers + 1 if ahead is None else ahead
    if workers == 0:
        yield from map(make, range(count))
        return
    with ThreadPoolExecutor(min(workers, max(count, 1))) as pool:
        pending = deque(pool.submit(make, i) for i in range(min(count, ahead)))
        submitted = len(pending)
        try:
            while pending:
                result = pending.popleft().result()
                if submitted < count:
                    pending.append(pool.submit(make, submitted))
                    submitted += 1
                yield result
        finally:
            for future in pending:
                future.cancel()


@dataclass(frozen=True)
class Shard:
    """Which part of the data is one worker's, of several that train together.

    Parameters
    ----------
    rank : int, default 0
        The worker's number, from 0.
    workers : int, default 1
        How many there are.
    """

    rank: int = 0
    workers: int = 1

    def of_batch(self, indices: Sequence[T]) -> List[T]:
        """Return this worker's part of a batch that the workers train on together."""
        size = len(indices) // self.workers
        return list(indices[self.rank * size : (self.rank + 1) * size])

    def of_all(self, count: int) -> range:
        """Return this worker's part of so many images, each of which is one worker's."""
        return range(count * self.rank // self.workers, count * (self.rank + 1) // self.workers)


class EvaluationLoader:
    """What evaluation batches share: every one of `total` images once, up to the limit of batches;
    of these a worker's shard.
    """

    batch_size: int
    limit: int
    shard: Shard = Shard()

    @property
    def total(self) -> int:
        """Number of images that there are."""
        raise NotImplementedError

    @property
    def samples_of_all(self) -> int:
        """Number of images that all workers' iterations give together."""
        if not self.limit:
            return self.total
        return min(self.total, self.limit * self.batch_size * self.shard.workers)

    @property
    def samples(self) -> int:
        """Number of images that an iteration gives."""
        return len(self.shard.of_all(self.samples_of_all))

    def __len__(self) -> int:
        return math.ceil(self.samples / self.batch_size)

    def name(self, index: int) -> str:
        """Return what to call an image: here its number in the part."""
        return str(index)

    def indices(self, batch: int) -> Sequence[int]:
        """Return indices of a batch's images."""
        start = batch * self.batch_size
        return self.shard.of_all(self.samples_of_all)[start : start + self.batch_size]


@dataclass(frozen=True)
class TrainLoader(AugmentedLoader):
    """Augmented, shuffled training batches of one size; what does not fill the last batch of an
    epoch is left out.

    Parameters
    ----------
    data : DataSet
        Its training part is read.
    batch_size : int
        Images of a batch, over all devices.
    seed : int
        The run's seed.
    workers : int
        Threads that prepare batches ahead.
    mixup_alpha : float, default 0
        Beta parameter of mixup; 0 switches it off.
    mixup_until : int, default 0
        First epoch, counted from 0, without mixup.
    smoothing : float, default 0
        Label smoothing eta.
    auto_aug : bool, default False
        Augment by AutoAugment's CIFAR policy too, before the crop and the mirror.
    limit : int, optional
        At most this many batches an epoch.
    devices : int, default 1
        How many devices share a batch; each mixes its own share.
    extras : Extras, optional
        Augmentation beyond the published.

    Raises
    ------
    InputError
        When the training part does not fill one batch, and for AutoAugment of grey images.
    """

    data: DataSet
    batch_size: int
    seed: int
    workers: int = 0
    mixup_alpha: float = 0.0
    mixup_until: int = 0
    smoothing: float = 0.0
    auto_aug: bool = False
    limit: int = 0
    devices: int = 1
    extras: Extras = Extras()

    def __post_init__(self):
        self.check_one_batch(len(self.data.train), self.data.name)
        if self.auto_aug and self.data.train.images.shape[1] != 3:
            raise InputError(
                f"{{auto_aug}}: AutoAugment is for colour images, those of {self.data.name} are "
                "grey"
            )

    @property
    def normalization(self) -> Tuple[Sequence[float], Sequence[float]]:
        return self.data.mean, self.data.std

    def __len__(self) -> int:
        return self.count(len(self.data.train))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Return batches of one epoch, from number `start` on: data (B, 3, H, W) and targets (B,
        classes), both float32.
        """
        order = self.order(epoch)
        return prefetch(
            lambda index: self._make(epoch, start + index, order), len(self) - start, self.workers
        )

    def order(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, epoch, _ORDER])
        return rng.permutation(len(self.data.train))

    def original(self, index: int) -> Tuple[str, np.ndarray, int]:
        """Return what to call an image, its pixels (H, W, 3) uint8, and its label."""
        part = self.data.train.take(np.array([index]))
        pixels = np.broadcast_to(part.images[0], (3, *part.images.shape[2:]))
        return f"image {index}", pixels.transpose(1, 2, 0), int(part.labels[0])

    def example(self, epoch: int, index: int) -> Optional[Batch]:
        """Return what an image becomes in an epoch, data (3, H, W) and its target (classes,); None
        where the epoch leaves it out.
        """
        found = self.place(epoch, index)
        if found is None:
            return None
        batch, place = found
        data, targets = self._make(epoch, batch, self.order(epoch))
        return data[place], targets[place]

    def _make(self, epoch: int, index: int, order: np.ndarray) -> Batch:
        rng = np.random.default_rng([self.seed, epoch, _BATCH, index])
        split = self.data.train.take(order[index * self.batch_size : (index + 1) * self.batch_size])
        images = split.images
        if self.auto_aug or self.extras.rand_aug:
            augmented = [self.by_policy(image.transpose(1, 2, 0), CIFAR, rng) for image in images]
            images = np.stack(augmented).transpose(0, 3, 1, 2)
        images = random_crop(images, self.data.pad, rng)
        if self.data.mirror:
            images = random_mirror(images, rng)
        data = normalize(images, self.data.mean, self.data.std)
        if self.extras.erasing:
            erased = [self.extras.erased(image.transpose(1, 2, 0), rng) for image in data]
            data = np.stack(erased).transpose(0, 3, 1, 2)
        return self.mixed(data, split.labels, self.data.classes, epoch, rng)


@dataclass(frozen=True)
class EvalLoader(EvaluationLoader):
    """Every image of a part exactly once, in order, normalised; the last batch may be smaller.

    Iterating gives data (B, 3, H, W) float32 and labels (B,) int32.

    Parameters
    ----------
    data : DataSet
        Gives the normalisation.
    split : Split
        The part to evaluate.
    batch_size : int
        Images of a batch, over all devices.
    workers : int
        Threads that prepare batches ahead.
    limit : int, optional
        At most this many batches.
    """

    data: DataSet
    split: Split
    batch_size: int
    workers: int = 0
    limit: int = 0

    @property
    def total(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[Batch]:
        return prefetch(self._make, len(self), self.workers)

    def _make(self, index: int) -> Batch:
        indices = self.indices(index)
        part = slice(indices[0], indices[-1] + 1)
        return normalize(self.split.images[part], self.data.mean, self.data.std), self.split.labels[
            part
        ]
