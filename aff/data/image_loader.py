"""Batches of ImageNet-style images, for training and for evaluation, from any source of images.

Every image is a pure function of the run's seed, the epoch and its index in the data: a run is the
same whatever the number of threads or devices, and goes on after an interruption as if there had
been none. Threads share the images of a batch among them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import Callable, Iterator, Optional, Sequence, Tuple

import numpy as np

from ..utils.errors import InputError
from .augmented import AugmentedLoader, Batch, Extras
from .auto_augment import IMAGENET
from .bad_images import BadImagePolicy
from .decoding import decode
from .file_batches import ShuffledFiles, load_batches
from .images import IMAGENET_CLASSES, Images
from .loader import EvaluationLoader, Shard
from .mixup import partners
from .transforms import central_view, training_view

SIZE, CROP_RATIO = 224, 0.875
TRAINING_IMAGES = 1_281_167
_MIXUP = 12

View = Callable[[np.ndarray, int], np.ndarray]


def load_images(
    images: Images,
    batches: Sequence[Sequence[int]],
    classes: int,
    view: View,
    workers: int,
    bad_images: Optional[BadImagePolicy] = None,
) -> Iterator[Batch]:
    """Yield batches of images by their indices, `AHEAD` of their use.

    Parameters
    ----------
    images : Images
        Where they come from.
    batches : sequence of sequence of int
        Places of each batch's images.
    classes : int
        Labels are below it.
    view : callable
        Pixels (H, W, 3) uint8 and a index to (size, size, 3) float32.
    workers : int
        Threads; 0: the caller.

    Yields
    ------
    data : numpy.ndarray
        (B, 3, size, size) float32.
    labels : numpy.ndarray
        (B,) int32.
    """

    def load(index: int) -> Tuple[np.ndarray, int]:
        content, label = images.read(index)
        name = images.name(index)
        if label >= classes:
            raise InputError(f"{name}: label {label} is not in 0..{classes - 1}")
        return view(decode(content, name), index).transpose(2, 0, 1), label

    return load_batches(load, batches, workers, bad_images)


@dataclass(frozen=True)
class ImageTrainLoader(ShuffledFiles, AugmentedLoader):
    """Augmented, shuffled training batches of one size; what does not fill the last batch of an
    epoch is left out.

    Parameters
    ----------
    images : Images
        Where they come from.
    batch_size : int
        Images of a batch, over all devices of all workers.
    seed : int
        The run's seed.
    classes : int
        Number of outputs of the network.
    size : int, default 224
        Height and width that the network is given.
    workers : int
        Threads that prepare images.
    mixup_alpha : float, default 0
        Beta parameter of mixup; 0 switches it off.
    mixup_until : int, default 0
        First epoch, counted from 0, without mixup.
    smoothing : float, default 0
        Label smoothing eta.
    auto_aug : bool, default False
        Augment by AutoAugment's ImageNet policy too.
    limit : int, optional
        At most this many batches an epoch.
    devices : int, default 1
        How many devices share a worker's part of a batch; each mixes its own share.
    shard : Shard, optional
        A worker's part of each batch, which is all that is given then.
    bad_images : BadImagePolicy, optional
        Puts up with images that cannot be read.
    extras : Extras, optional
        Augmentation beyond the published.

    Raises
    ------
    InputError
        When the images do not fill one batch.
    """

    images: Images
    batch_size: int
    seed: int
    classes: int = IMAGENET_CLASSES
    size: int = SIZE
    workers: int = 0
    mixup_alpha: float = 0.0
    mixup_until: int = 0
    smoothing: float = 0.0
    auto_aug: bool = False
    limit: int = 0
    devices: int = 1
    shard: Shard = Shard()
    bad_images: Optional[BadImagePolicy] = None
    extras: Extras = Extras()

    def __post_init__(self):
        self.images.label_for(self.classes)
        self.check_one_batch(len(self.images), self.images.source)

    def __len__(self) -> int:
        return self.count(len(self.images))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield batches of one epoch, from number `start` on: data (B, 3, size, size) and targets
        (B, classes), both float32.
        """
        indices = self.shuffled(len(self.images), epoch, start)
        for index, (data, labels) in enumerate(self._load(epoch, indices, self.workers), start):
            rng = np.random.default_rng([self.seed, epoch, _MIXUP, index])
            yield self.mixed(data, labels, self.classes, epoch, rng)

    def _load(self, epoch: int, indices: Sequence[Sequence[int]], workers: int) -> Iterator[Batch]:
        """Yield an epoch's augmented images and their labels, in batches of these indices."""

        def view(pixels: np.ndarray, index: int) -> np.ndarray:
            rng = self.generator(epoch, index)
            policy = partial(self.by_policy, policy=IMAGENET, rng=rng)
            return self.extras.erased(training_view(pixels, self.size, rng, policy), rng)

        return load_images(self.images, indices, self.classes, view, workers, self.bad_images)

    def order(self, epoch: int) -> np.ndarray:
        return self.permuted(len(self.images), epoch)

    def original(self, index: int) -> Tuple[str, np.ndarray, int]:
        """Return what to call an image, its pixels (H, W, 3) uint8, and its label."""
        content, label = self.images.read(index)
        name = self.images.name(index)
        return os.path.basename(name), decode(content, name), label

    def example(self, epoch: int, index: int) -> Optional[Batch]:
        """Return what an image becomes in an epoch of one worker, data (3, size, size) and its
        target (classes,), of which only it and its partner are read; None where the epoch leaves it
        out.
        """
        found = self.place(epoch, index)
        if found is None:
            return None
        batch, place = found
        partner = batch * self.batch_size + partners(self.batch_size, self.devices)[place]
        pair = list(dict.fromkeys((index, int(self.order(epoch)[partner]))))
        data, labels = next(self._load(epoch, [pair], 0))
        rng = np.random.default_rng([self.seed, epoch, _MIXUP, batch])
        data, targets = self.mixed(data, labels, self.classes, epoch, rng, devices=1)
        return data[0], targets[0]


@dataclass(frozen=True)
class ImageEvalLoader(EvaluationLoader):
    """Every image exactly once, in order, as the validation transform gives it; the last batch may
    be smaller.

    Iterating gives data (B, 3, size, size) float32 and labels (B,) int32.

    Parameters
    ----------
    images : Images
        Where they come from.
    batch_size : int
        Images of a batch, over all devices.
    classes : int
        Labels are below it.
    size : int
        Height and width that the network is given.
    crop_ratio : float
        Share of the scaled shorter side that the crop keeps.
    workers : int
        Threads that prepare images.
    limit : int, optional
        At most this many batches.
    shard : Shard, optional
        A worker's part of the images, which is all that is given then.
    view : callable, optional
        Pixels (H, W, 3) uint8 to (3, size, size) float32, in place of the validation transform.
    """

    images: Images
    batch_size: int
    classes: int = IMAGENET_CLASSES
    size: int = SIZE
    crop_ratio: float = CROP_RATIO
    workers: int = 0
    limit: int = 0
    shard: Shard = Shard()
    view: Optional[Callable[[np.ndarray], np.ndarray]] = None

    def __post_init__(self):
        self.images.label_for(self.classes)

    @property
    def total(self) -> int:
        return len(self.images)

    def name(self, index: int) -> str:
        return self.images.name(index)

    def __iter__(self) -> Iterator[Batch]:
        indices = [self.indices(batch) for batch in range(len(self))]

        def view(pixels: np.ndarray, index: int) -> np.ndarray:
            if self.view:
                return self.view(pixels).transpose(1, 2, 0)
            return central_view(pixels, self.size, self.crop_ratio)

        return load_images(self.images, indices, self.classes, view, self.workers)
