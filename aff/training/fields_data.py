"""The settings of a run's data and devices; :mod:`.fields_run` has the others.

A field added here is a flag of the training scripts, a key of ``settings.json`` and subject to the
rule of resuming; what is left to do is to act on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from ..compat import available_cpus
from ..data.datasets import LABEL_SETS, dataset_name
from ..utils.values import float_range, int_range, recorded, scales, text
from .setting import FIXED, FREE, OF_IMAGES, SWITCH, setting

KVSTORES = ("device", "local", "dist_sync", "dist_device_sync")


@dataclass(frozen=True)
class DataSettings:
    """Which images a run sees."""

    dataset: str = setting(
        dataset_name, "cifar100", "data set", "data", FIXED, "cifar", "imagenet", None, "masks"
    )
    labels: Optional[str] = setting(
        LABEL_SETS,
        None,
        "of cifar100: fine, its 100 classes (used where none is given), or coarse, the 20 "
        "superclasses that the published 89.3 and 90.3 were measured on (100 outputs, as then)",
        "data",
        FIXED,
        "cifar",
    )
    use_rec: bool = setting(
        SWITCH, False, "read .rec files instead of folders of images", "data", only="imagenet"
    )
    rec_train: Optional[str] = setting(
        recorded,
        None,
        "train images as a .rec file (default: ~/.mxnet/datasets/imagenet/rec/train.rec)",
        "data",
        FREE,
        "imagenet",
    )
    rec_train_idx: Optional[str] = setting(
        recorded,
        None,
        "index of the train records (default: the .idx file beside them, where there is one)",
        "data",
        FREE,
        "imagenet",
    )
    rec_val: Optional[str] = setting(
        recorded,
        None,
        "val images as a .rec file (default: ~/.mxnet/datasets/imagenet/rec/val.rec)",
        "data",
        FREE,
        "imagenet",
    )
    rec_val_idx: Optional[str] = setting(
        recorded,
        None,
        "index of the val records (default: the .idx file beside them, where there is one)",
        "data",
        FREE,
        "imagenet",
    )
    data_dir: Optional[str] = setting(
        recorded,
        None,
        "folder of the data set's files (for ImageNet: of train/<class>/ and val/<class>/); each "
        "data set has a default under ~/.mxnet/datasets/",
        "data",
        FREE,
    )
    input_size: int = setting(
        int_range(8, 4096),
        0,
        "height and width of images as the network sees them",
        "data",
        only=OF_IMAGES,
        imagenet=224,
    )
    crop_size: int = setting(
        int_range(8, 4096),
        0,
        "height and width of what is cut out of an image for training, a multiple of the network's "
        "stride; what lies outside of a smaller image does not count",
        "data",
        only="segmentation",
        segmentation=128,
    )
    scale: List[float] = setting(
        scales,
        [1.0, 1.0],
        "least and greatest factor that an image and its mask are scaled by before, at random",
        "data",
        only="segmentation",
        segmentation=[0.5, 2.0],
    )
    normalize_as: Optional[str] = setting(
        dataset_name,
        None,
        "of the data set folder: the data set by whose mean and standard deviation the images are "
        "normalised; grey ones make them grey (default: that of the network which is fine-tuned, "
        "or imagenet)",
        "data",
        only="cifar",
    )
    mirror: bool = setting(
        SWITCH,
        True,
        "mirror half of the images (digits never)",
        "data",
        only=("cifar", "segmentation"),
    )
    crop_ratio: float = setting(
        float_range(0.1, 1),
        0.0,
        "in evaluation, share of the scaled shorter side that the centre crop keeps",
        "data",
        only="imagenet",
        imagenet=0.875,
    )
    max_bad_records: float = setting(
        float_range(0, 1),
        0.0,
        "share of the training images that may be damaged; the log counts them, and the next image "
        "takes the place of each. Validation needs every image",
        "data",
        FREE,
        ("imagenet", "segmentation"),
    )
    num_workers: int = setting(
        int_range(0, 256),
        2,
        "threads that prepare images and batches ahead; 0: none. Results do not depend on it",
        "data",
        FREE,
        imagenet=available_cpus(),
        second={"cifar": 96, "imagenet": 96},
        segmentation=available_cpus(),
    )


@dataclass(frozen=True)
class DeviceSettings:
    """Where a run computes."""

    gpus: Optional[str] = setting(
        text,
        None,
        "GPU numbers, such as 0,1,2; an empty text: the CPU. Without the flag GPU 0 where there is "
        "one; without any GPU the CPU",
        "devices",
        FREE,
        second={"cifar": "0,1,2,3"},
    )
    num_gpus: int = setting(
        int_range(0, 64),
        0,
        "number of GPUs; 0: the CPU",
        "devices",
        FREE,
        "imagenet",
        second={"imagenet": 4},
    )
    cpus: Optional[int] = setting(
        int_range(1, 64),
        None,
        "use this many CPU devices instead of any GPU, to exercise data parallelism",
        "devices",
        FREE,
    )
    kvstore: str = setting(
        KVSTORES,
        "device",
        "where gradients are summed: on one of the devices (device) or the CPU (local); or over "
        "several processes or machines that 'aff launch' starts (dist_sync, or dist_device_sync, "
        "which sums those of a process's GPUs on one of them first)",
        "devices",
        FREE,
        ("imagenet", "segmentation"),
    )
