"""Images with masks as the data of a run."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict, Sequence

import mxnet as mx
import numpy as np

from ..data.bad_images import BadImagePolicy
from ..data.datasets.base import drawn
from ..data.loader import Shard
from ..data.mask_folders import mask_parts
from ..data.mask_loader import MaskEvalLoader, MaskTrainLoader
from ..models.registry import build_network
from ..utils.errors import InputError
from .amp import Float32
from .batching import check_alike, images_of_step
from .config import TrainConfig
from .data import HELD_OUT, SMOKE_BATCHES, Data, sums_of
from .loss import PIXEL_LOSSES
from .process_group import ProcessGroup
from .task import Segmentation


class MaskSource:
    """Images with a mask each, found and counted.

    Parameters
    ----------
    config : TrainConfig
        Names their folder.

    Raises
    ------
    InputError
        For images that are not there or have no mask, and masks of fewer than two classes.
    """

    def __init__(self, config: TrainConfig):
        if not config.data_dir:
            raise InputError("name a folder of images and masks with {data_dir}")
        strict = not config.max_bad_records
        self.parts = mask_parts(config.data_dir, config.val_split, config.num_workers, strict)
        for part, masks in self.parts.items():
            if part != "train":  # whose labels a run would look at after an epoch only
                masks.count_pixels(config.num_workers)
        self.classes = len(self.parts["train"].classes)
        if config.train_fraction < 1:
            train = self.parts["train"]
            chosen, told = drawn(np.zeros(len(train)), config.train_fraction, config.seed)
            self.parts["train"] = train.part(chosen, told)

    @cached_property
    def facts(self) -> Dict[str, Any]:
        """Names of the classes, and sums that tell the files and their order from others."""
        return {"class_names": list(self.parts["train"].classes), **sums_of(self.parts)}

    def load(self, config: TrainConfig, devices: Sequence[mx.Context], group: ProcessGroup) -> Data:
        """Prepare the loaders; of several processes each reads its shard.

        Raises
        ------
        InputError
            For a mask of another size than its image, and a crop that does not suit the network.
        """
        check_alike(config, self.facts["images"], len(devices), group)
        stride = build_network(config.model, **config.model_kwargs).stride
        if config.crop_size % stride:
            raise InputError(
                f"{{crop_size}} {config.crop_size}: takes a multiple of {stride}, the stride of "
                f"{config.model}"
            )
        shared: Dict[str, Any] = {
            "workers": config.num_workers,
            "limit": SMOKE_BATCHES if config.smoke else 0,
            "shard": Shard(group.rank, group.world_size),
        }
        tested = {part: masks for part, masks in self.parts.items() if part != "train"}
        bad_images = BadImagePolicy(len(self.parts["train"]), config.max_bad_records)
        low, high = config.scale

        def learn(precision: Float32) -> Segmentation:
            return Segmentation(PIXEL_LOSSES[config.loss]())

        return Data(
            MaskTrainLoader(
                self.parts["train"],
                images_of_step(config, len(devices), group.world_size),
                config.seed,
                config.crop_size,
                (low, high),
                config.mirror,
                bad_images=bad_images,
                **shared,
            ),
            {
                part: MaskEvalLoader(masks, config.batch_size * len(devices), stride, **shared)
                for part, masks in tested.items()
            },
            description=self._described(config),
            selection=HELD_OUT
            if config.val_split
            else "selection by the mIoU on the validation set"
            + ("" if "test" in tested else ": the best epoch's is optimistic"),
            facts=self.facts,
            task=learn,
            bad_images=bad_images,
        )

    def _described(self, config: TrainConfig) -> str:
        counts = [f"{len(masks):,} {part} ({masks.source})" for part, masks in self.parts.items()]
        tolerant = {"train"} if config.max_bad_records else set()
        sizes = np.concatenate(
            [
                masks.readable_sizes() if part in tolerant else masks.sizes
                for part, masks in self.parts.items()
            ]
        )
        least, most = (" x ".join(map(str, of(sizes, axis=0))) for of in (np.min, np.max))
        sized = least if least == most else f"{least} to {most}"
        scaled = " to ".join(f"{factor:g}" for factor in config.scale)
        mirrored = ", mirrored" if config.mirror else ""
        return (
            f"images with masks: {', '.join(counts)}; {self.classes} classes, {sized} "
            f"pixels; scaled by {scaled}, cut to {config.crop_size} pixels{mirrored}"
        )
