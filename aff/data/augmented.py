"""What training batches share, whatever their images come from: how many there are, today's
augmentation, and targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np

from ..utils.errors import InputError
from .auto_augment import Operation, auto_augment
from .erasing import random_erasing
from .mixup import cutmix, mixup, one_hot
from .rand_augment import rand_augment
from .transforms import denormalize

Batch = Tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Extras:
    """Augmentation beyond the published; off.

    Parameters
    ----------
    rand_aug : sequence of int
        N and M of RandAugment; empty: none.
    erasing : float
        Probability that a box of an image is erased.
    cutmix_alpha : float
        Beta parameter of CutMix; 0 switches it off.
    cutmix_prob : float
        Share of the batches that are mixed by CutMix where mixup is on, too.
    """

    rand_aug: Sequence[int] = ()
    erasing: float = 0.0
    cutmix_alpha: float = 0.0
    cutmix_prob: float = 0.5

    def erased(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a normalised image (H, W, C) after random erasing."""
        return random_erasing(image, self.erasing, rng) if self.erasing else image


class WholeBatches:
    """Training batches of one size: what does not fill the last one of an epoch is left out."""

    batch_size: int
    limit: int

    @property
    def normalization(self) -> Tuple[Sequence[float], Sequence[float]]:
        """Mean and deviation of each channel that images are normalised by, on a scale of 0 to
        1.
        """
        raise NotImplementedError

    def pixels(self, data: np.ndarray) -> np.ndarray:
        """Return a batch's images as they can be looked at: (B, 3, H, W) float32 to uint8."""
        return denormalize(data, *self.normalization)

    def check_one_batch(self, images: int, source: str) -> None:
        """Refuse images that do not fill one batch."""
        if images < self.batch_size:
            raise InputError(
                f"a batch of {self.batch_size} (over all devices) is more than the {images} "
                f"training images of {source}: lower {{batch_size}} (or {{grad_accum_steps}})"
            )

    def count(self, images: int) -> int:
        """Return the number of whole batches of so many images, up to the limit."""
        batches = images // self.batch_size
        return min(batches, self.limit) if self.limit else batches

    def __len__(self) -> int:
        raise NotImplementedError

    def order(self, epoch: int) -> np.ndarray:
        """Return the indices of all images in an epoch's order, (N,)."""
        raise NotImplementedError

    def place(self, epoch: int, index: int) -> Optional[Tuple[int, int]]:
        """Return the number of the batch that an image is in in an epoch, and its place there; None
        where the epoch leaves it out.
        """
        batch, place = divmod(int(np.flatnonzero(self.order(epoch) == index)[0]), self.batch_size)
        return (batch, place) if batch < len(self) else None


class AugmentedLoader(WholeBatches):
    """The part of a loader of training batches that does not depend on where images are from."""

    mixup_alpha: float
    mixup_until: int
    smoothing: float
    auto_aug: bool
    devices: int
    extras: Extras

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def soft_targets(self) -> bool:
        """Whether any epoch's targets are not one-hot."""
        mixes = self.mixup_alpha > 0 or self.extras.cutmix_alpha > 0
        return self.smoothing > 0 or (mixes and self.mixup_until > 0)

    def by_policy(
        self,
        pixels: np.ndarray,
        policy: Tuple[Tuple[Operation, Operation], ...],
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Return an image (H, W, C) uint8 after AutoAugment's policy or RandAugment."""
        if self.auto_aug:
            return auto_augment(pixels, policy, rng)
        if self.extras.rand_aug:
            count, magnitude = self.extras.rand_aug
            return rand_augment(pixels, count, magnitude, rng)
        return pixels

    def mixed(
        self,
        data: np.ndarray,
        labels: np.ndarray,
        classes: int,
        epoch: int,
        rng: np.random.Generator,
        devices: int = 0,
    ) -> Batch:
        """Return data and targets of a batch, with label smoothing and the epoch's mixup or
        CutMix, in as many shares as there are devices (0: the loader's).
        """
        devices = devices or self.devices
        targets = one_hot(labels, classes, self.smoothing)
        if epoch >= self.mixup_until:
            return data, targets
        cut = self.extras.cutmix_alpha
        if cut > 0 and (self.mixup_alpha == 0 or rng.random() < self.extras.cutmix_prob):
            return cutmix(data, targets, rng.beta(cut, cut), rng, devices)
        lam = rng.beta(self.mixup_alpha, self.mixup_alpha) if self.mixup_alpha > 0 else 1
        return mixup(data, targets, lam, devices)
