"""Images and labels: data sets by name, augmentation, targets, and the batches of an epoch."""

from .datasets import DATASETS, DataSet, Split, list_datasets, load_dataset
from .image_loader import ImageEvalLoader, ImageTrainLoader
from .loader import EvalLoader, TrainLoader

__all__ = [
    "DATASETS",
    "DataSet",
    "EvalLoader",
    "ImageEvalLoader",
    "ImageTrainLoader",
    "Split",
    "TrainLoader",
    "list_datasets",
    "load_dataset",
]
