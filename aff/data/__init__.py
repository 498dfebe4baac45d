"""Images and labels: data sets by name, augmentation, targets, and the batches of an epoch."""

from ..compat import import_cv2

import_cv2()  # or says what it lacks

from .datasets import DATASETS, DataSet, Split, list_datasets, load_dataset  # noqa: E402
from .image_loader import ImageEvalLoader, ImageTrainLoader  # noqa: E402
from .loader import EvalLoader, TrainLoader  # noqa: E402
from .mask_folders import mask_parts  # noqa: E402
from .mask_loader import MaskEvalLoader, MaskTrainLoader  # noqa: E402

__all__ = [
    "DATASETS",
    "DataSet",
    "EvalLoader",
    "ImageEvalLoader",
    "ImageTrainLoader",
    "MaskEvalLoader",
    "MaskTrainLoader",
    "Split",
    "TrainLoader",
    "list_datasets",
    "load_dataset",
    "mask_parts",
]
