"""Batches of images with masks, for training and for evaluation.

As in :mod:`aff.data.image_loader`, every view of an image is a pure function of the run's seed, the
epoch and the image's index.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Dict, Iterator, List, Optional, Tuple

import numpy as np

from .augmented import Batch
from .bad_images import BadImagePolicy
from .file_batches import ShuffledFiles, load_batches
from .loader import EvaluationLoader, Shard
from .mask_transforms import Pair, padded, padded_pair, training_pair
from .masks import MaskedImages


@dataclass(frozen=True)
class MaskTrainLoader(ShuffledFiles):
    """Augmented, shuffled training batches of one size; what does not fill the last batch of an
    epoch is left out.

    Parameters
    ----------
    masks : MaskedImages
        Where images and masks come from.
    batch_size : int
        Images of a batch, over all devices of all workers.
    seed : int
        The run's seed.
    size : int
        Height and width that the network is given.
    scale : (float, float), default (1, 1)
        Limits of the factor that an image is scaled by.
    mirror : bool, default True
        Whether every other image is mirrored.
    workers : int
        Threads that prepare images.
    limit : int, optional
        At most this many batches an epoch.
    shard : Shard, optional
        A worker's part of each batch, which is all that is given then.
    bad_images : BadImagePolicy, optional
        Puts up with images that cannot be read.

    Raises
    ------
    InputError
        When the images do not fill one batch.
    """

    masks: MaskedImages
    batch_size: int
    seed: int
    size: int
    scale: Tuple[float, float] = (1.0, 1.0)
    mirror: bool = True
    workers: int = 0
    limit: int = 0
    shard: Shard = Shard()
    bad_images: Optional[BadImagePolicy] = None

    #: Targets are classes, always.
    soft_targets = False

    def __post_init__(self):
        self.check_one_batch(len(self.masks), self.masks.source)

    def __len__(self) -> int:
        return self.count(len(self.masks))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield batches of one epoch, from number `start` on: data (B, 3, size, size) float32 and
        labels (B, size, size) int32, `aff.data.mask_file.IGNORED` outside the image.
        """

        batches = self.shuffled(len(self.masks), epoch, start)
        return load_batches(
            lambda index: self.view(epoch, index), batches, self.workers, self.bad_images
        )

    def view(self, epoch: int, index: int) -> Pair:
        """Return what an image and its mask become in an epoch, data (3, size, size) and labels
        (size, size).
        """
        rng = self.generator(epoch, index)
        pair = training_pair(*self.masks.read(index), self.size, self.scale, self.mirror, rng)
        return _channels_first(pair)

    def order(self, epoch: int) -> np.ndarray:
        return self.permuted(len(self.masks), epoch)

    def original(self, index: int) -> Tuple[str, np.ndarray, np.ndarray]:
        """Return what to call an image, its pixels (H, W, 3) uint8, and its labels (H, W)."""
        return (os.path.basename(self.masks.name(index)), *self.masks.read(index))

    def example(self, epoch: int, index: int) -> Optional[Pair]:
        """Return the `view` of an image in an epoch; None where the epoch leaves it out."""
        return self.view(epoch, index) if self.place(epoch, index) else None


#: Pixels of an evaluation's batch, where it is of more than one image: a pyramid over ResNet-50
#: takes some 1.2 kB for each.
MAX_PIXELS = 1 << 21


@dataclass(frozen=True)
class MaskEvalLoader(EvaluationLoader):
    """Every image exactly once, whole, neither scaled nor cut; padded to sides that the network's
    stride divides. Images of one padded size share batches, so that what a network makes of an
    image does not depend on the others; large ones share them with few, or none (`MAX_PIXELS`).

    Iterating gives data (B, 3, H, W) float32 and labels (B, H, W) int32,
    `aff.data.mask_file.IGNORED` where they are padded.

    Parameters
    ----------
    masks : MaskedImages
        Where images and masks come from.
    batch_size : int
        Images of a batch at most, over all devices.
    stride : int, default 1
        Divides heights and widths that the network is given.
    workers : int
        Threads that prepare images.
    limit : int, optional
        At most the images of so many whole batches.
    shard : Shard, optional
        A worker's part of the images, which is all that is given then.

    Raises
    ------
    InputError
        For a mask of another size than its image.
    """

    masks: MaskedImages
    batch_size: int
    stride: int = 1
    workers: int = 0
    limit: int = 0
    shard: Shard = Shard()

    @property
    def total(self) -> int:
        return len(self.masks)

    def name(self, index: int) -> str:
        return self.masks.name(index)

    @cached_property
    def _batches(self) -> List[List[int]]:
        """Indices of each batch's images; the order of the images is kept within a size."""
        by_size: Dict[Tuple[int, ...], List[int]] = {}
        for index in self.shard.of_all(self.samples_of_all):
            size = tuple(padded(side, self.stride) for side in self.masks.sizes[index].tolist())
            by_size.setdefault(size, []).append(index)
        return [
            indices[start : start + count]
            for size, indices in by_size.items()
            for count in [max(1, min(self.batch_size, MAX_PIXELS // int(np.prod(size))))]
            for start in range(0, len(indices), count)
        ]

    def __len__(self) -> int:
        return len(self._batches)

    def indices(self, batch: int) -> List[int]:
        return self._batches[batch]

    def __iter__(self) -> Iterator[Batch]:
        def load(index: int) -> Pair:
            return _channels_first(padded_pair(*self.masks.read(index), self.stride))

        return load_batches(load, self._batches, self.workers)


def _channels_first(pair: Pair) -> Pair:
    return pair[0].transpose(2, 0, 1), pair[1]
