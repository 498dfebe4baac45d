"""How fast the loaders give batches, against what is usual in Gluon, on images made here."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from typing import Callable, Dict, Iterable, List, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import data as gluon_data
from PIL import Image

from ..data.augmented import Extras
from ..data.datasets.base import DataSet, Split
from ..data.image_loader import ImageTrainLoader
from ..data.images import FolderImages, Images, RecordImages
from ..data.loader import TrainLoader
from .progress import Watch
from .timing import interleaved, rate

CLASSES = 10
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
BATCH = 128
#: Size of the photographs made, that of ImageNet's on average.
PHOTO = (500, 375)
PHOTOS = 128
#: Stands before what of today's recipe is on; the last is all of it.
WITH = ", with "
RECIPE: Dict[str, Extras] = {
    "RandAugment": Extras((2, 9)),
    "erasing": Extras(erasing=0.25),
    "CutMix": Extras(cutmix_alpha=1.0, cutmix_prob=1.0),
    "all of these": Extras((2, 9), 0.25, 1.0, 1.0),
}


def _noise(count: int, size: int = 32) -> Split:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    return Split(images, rng.integers(CLASSES, size=count).astype(np.int32))


def _go_through(batches: Callable[[], Iterable]) -> Callable[[], object]:
    def action():
        for _ in batches():
            pass

    return action


def in_memory(
    threads: Sequence[int], rounds: int, count: int = 50 * BATCH, watch: Watch = iter
) -> Dict[str, float]:
    """Return images a second of CIFAR's kind (crop, mirror, normalise, mixup), by number of
    threads; with most of them also with today's `RECIPE`, part by part (CutMix in mixup's place);
    and of Gluon's transforms, one image after another on one thread. `watch` wraps the rounds.
    """
    split = _noise(count)
    data = DataSet("noise", CLASSES, MEAN, STD, split, split, mirror=True, pad=4)

    def batches(workers: int, extras: Extras) -> Iterable:
        loader = TrainLoader(data, BATCH, 0, workers, mixup_alpha=1.0, mixup_until=1, extras=extras)
        return loader.epoch(0)

    actions = _by_threads("", threads, batches)
    few = 4 * BATCH
    taken = interleaved(actions, rounds, watch=watch)
    rates = {name: rate(count, seconds) for name, seconds in taken.items()}
    gluon = {"gluon": _go_through(lambda: _gluon(split, few))}
    seconds = interleaved(gluon, rounds, watch=watch)["gluon"]
    return {**rates, "Gluon's transforms, one thread": rate(few, seconds)}


def _by_threads(
    name: str, threads: Sequence[int], batches: Callable[[int, Extras], Iterable]
) -> Dict[str, Callable[[], object]]:
    """Return a pass for each number of threads, and, with most of them, for each part of the
    recipe.
    """
    tried = {f"{name}-j {workers}": (workers, Extras()) for workers in threads}
    most = max(threads)
    tried.update({f"{name}-j {most}{WITH}{part}": (most, on) for part, on in RECIPE.items()})
    return {key: _go_through(partial(batches, *values)) for key, values in tried.items()}


def _gluon(split: Split, count: int):
    """Yield the published CIFAR pipeline, on the first images."""
    from gluoncv.data import transforms as gcv_transforms
    from mxnet.gluon.data.vision import transforms

    transform = transforms.Compose(
        [
            gcv_transforms.RandomCrop(32, pad=4),
            transforms.RandomFlipLeftRight(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    images = [mx.nd.array(i.transpose(1, 2, 0), dtype="uint8") for i in split.images[:count]]
    samples = gluon_data.ArrayDataset(images, split.labels[:count]).transform_first(transform)
    for data, labels in gluon_data.DataLoader(samples, BATCH, shuffle=True, last_batch="discard"):
        lam = np.random.beta(1, 1)
        yield lam * data + (1 - lam) * data[::-1], labels.asnumpy()


def photographs(folder: str) -> None:
    """Make JPEG files of the size of ImageNet's, two classes of them: smooth noise, which takes
    about as many bytes as a photograph.
    """
    rng = np.random.default_rng(0)
    for number in range(PHOTOS):
        path = os.path.join(folder, "train", f"class{number % 2}")
        os.makedirs(path, exist_ok=True)
        small = rng.integers(0, 256, (PHOTO[1] // 6, PHOTO[0] // 6, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize(PHOTO)
        image.save(os.path.join(path, f"{number}.jpg"), quality=92)


def _pack(images: Images, path: str) -> None:
    writer = mx.recordio.MXIndexedRecordIO(f"{path}.idx", f"{path}.rec", "w")
    for place in range(len(images)):
        content, label = images.read(place)
        writer.write_idx(place, mx.recordio.pack(mx.recordio.IRHeader(0, label, place, 0), content))
    writer.close()


def from_files(
    threads: Sequence[int], rounds: int, size: int = 224, watch: Watch = iter
) -> Dict[str, float]:
    """Return images a second of ImageNet's kind, from folders and from a ``.rec`` file, as
    `in_memory` does, and from the same by mxnet's `ImageRecordIter`. `watch` wraps the rounds.
    """
    batch = PHOTOS // 4
    with tempfile.TemporaryDirectory(prefix="aff-bench-") as folder:
        photographs(folder)
        images = FolderImages(folder, "train")
        record = os.path.join(folder, "train")
        _pack(images, record)
        sources: Dict[str, Images] = {
            "folders": images,
            ".rec file": RecordImages(f"{record}.rec", f"{record}.idx"),
        }

        def batches(source: Images, workers: int, extras: Extras) -> Iterable:
            loader = ImageTrainLoader(
                *(source, batch, 0, 2, size, workers),
                mixup_alpha=0.2,
                mixup_until=1,
                extras=extras,
            )
            return loader.epoch(0)

        actions = {}
        for name, source in sources.items():
            actions.update(_by_threads(f"{name}, ", threads, partial(batches, source)))
        for workers in filter(None, threads):
            iterator = _record_iter(record, batch, size, workers)
            actions[f"ImageRecordIter, {workers} threads"] = _one_pass(iterator)
        taken = interleaved(actions, rounds, watch=watch)
    return {name: rate(PHOTOS, seconds) for name, seconds in taken.items()}


def _record_iter(record: str, batch: int, size: int, workers: int):
    """Return mxnet's loader with the published script's augmentation."""
    return mx.io.ImageRecordIter(
        path_imgrec=f"{record}.rec",
        path_imgidx=f"{record}.idx",
        preprocess_threads=workers,
        shuffle=True,
        batch_size=batch,
        data_shape=(3, size, size),
        random_resized_crop=True,
        min_random_area=0.08,
        max_aspect_ratio=4 / 3,
        min_aspect_ratio=3 / 4,
        rand_mirror=True,
        brightness=0.4,
        saturation=0.4,
        contrast=0.4,
        pca_noise=0.1,
        round_batch=False,
    )


def _one_pass(iterator) -> Callable[[], object]:
    def action():
        iterator.reset()
        for batch in iterator:
            batch.data[0].wait_to_read()

    return action


def threads_to_try(cpus: int) -> List[int]:
    """Return as numbers of threads none, one, and as many as there are processors."""
    return sorted({0, 1, cpus})
