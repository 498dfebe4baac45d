"""Evaluates what an `EvaluationSpec` says, and reports it: for ``aff evaluate`` and for
``train_imagenet.py --eval-only``.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Iterator, List, Optional, Tuple

import mxnet as mx

from ...data.datasets import find_dataset, load_dataset
from ...data.datasets.class_names import in_words
from ...data.image_loader import CROP_RATIO, SIZE, ImageEvalLoader
from ...data.image_parts import ImageSubset, find_evaluation_images, tested_parts
from ...data.images import FolderImages, Images
from ...data.loader import EvalLoader
from ...data.transforms import scaled_side
from ...inference.load import view_of
from ...inference.network import ready_network
from ...inference.spec import EvaluationSpec
from ...models.records import WeightsRecord
from ...paper.reported import rows_of
from ...paper.scores import keep_evaluation
from ...training.amp import create_precision
from ...training.analysis import PredictionCollector
from ...training.evaluation import evaluate
from ...training.logger import RunLogger
from ...training.progress import Loop
from ...utils.errors import InputError, shorten
from ...utils.report import score
from .evaluation_report import Inside, Wanted, network_lines, observer, tell, trained_on


def create_loader(spec: EvaluationSpec, size: int, workers: int) -> Tuple[Any, str]:
    """Return the loader of batches of so many images, and what to call the data."""
    classes, record = spec.kwargs["classes"], find_dataset(spec.dataset)
    if record.kind == "imagenet":
        images = _images(spec)
        whole = "" if len(images) == record.whole else f", not ImageNet's {record.whole:,} images"
        own = f"images of {images.source}"
        called = f"imagenet ({images.source}{whole})" if classes == record.classes else own
        side, ratio = spec.input_size or SIZE, spec.crop_ratio or CROP_RATIO
        return (
            ImageEvalLoader(images, size, classes, side, ratio, workers),
            f"{called}, centre {side} of {scaled_side(side, ratio)} pixels",
        )
    if record.is_open:
        images, view = _images(spec), view_of(spec)
        return (
            ImageEvalLoader(images, size, classes, view.size, workers=workers, view=view),
            f"images of {images.source}, {view.size} pixels",
        )
    data = load_dataset(spec.dataset, spec.data_dir, spec.labels)
    if data.classes != classes:
        raise InputError(
            f"{spec.params} is a network of {classes} classes, {data.name} has {data.classes}"
        )
    labels = f" ({data.label_set} labels)" if data.label_set else ""
    return EvalLoader(data, data.tested, size, workers), f"{data.name}{labels}, test part"


def _images(spec: EvaluationSpec) -> Images:
    """Return the images of a folder or of records; folders' names that are those of the network's
    classes number them.
    """
    if find_dataset(spec.dataset).is_open and not spec.data_dir:
        raise InputError(f"{spec.params}: name a folder of images with {{data_dir}}")
    images = find_evaluation_images(
        spec.data_dir, spec.rec_val, spec.rec_val_idx, spec.val_split or 0.0
    )
    names = spec.class_names or []
    folders = images.images if isinstance(images, ImageSubset) else images
    if names and isinstance(folders, FolderImages) and len(set(names)) == len(names):
        called = {
            folder if folder in names else in_words([folder])[0]: folder
            for folder in folders.classes
        }
        others = [folder for name, folder in called.items() if name not in names]
        if others:
            raise InputError(
                f"{folders.source}: {shorten(others)} is no class of {spec.params}, which knows "
                f"{shorten(names)}"
            )
        folders.label_as([called.get(name, name) for name in names])
    return images


def _remarks(spec: EvaluationSpec, batches: Any) -> Iterator[str]:
    """Yield what is to be said of images that may have been trained on."""
    if not isinstance(batches, ImageEvalLoader):
        return
    tested = tested_parts(os.path.expanduser(spec.data_dir)) if spec.data_dir else []
    if isinstance(batches.images, ImageSubset) or (spec.unsplit and not tested):
        yield from trained_on(spec, batches.images.order)


def report(
    spec: EvaluationSpec,
    devices: List[mx.Context],
    batch_size: int,
    workers: int,
    mode: str,
    root: Optional[str] = None,
    warning: Optional[str] = None,
    wanted: Optional[Wanted] = None,
) -> int:
    """Evaluate and print.

    Parameters
    ----------
    spec : EvaluationSpec
        What.
    devices : list of Context
        Where.
    batch_size, workers : int
        Images of a batch on each device, and threads that prepare them.
    mode : str
        ``'optimized'``, ``'hybrid'`` or ``'imperative'``.
    root : str, optional
        Folder of published parameters.
    warning : str, optional
        To be said loudly.
    wanted : Wanted, optional
        What to say and write beyond the errors.
    """
    log = RunLogger()
    on_gpu = devices[0].device_type == "gpu"
    precision = create_precision(spec.dtype if on_gpu else "float32", devices)
    size = batch_size * len(devices)
    if spec.weights:  # which may have to be fetched: not for data that is not here
        batches, data = create_loader(spec, size, workers)
    net = ready_network(spec, devices, precision, mode, root)
    if not spec.weights:
        batches, data = create_loader(spec, size, workers)
    if warning:
        log.warn(warning)
    progress = partial(log.progress, loop=Loop("evaluate", len(batches)))
    collector = PredictionCollector() if wanted else None
    observe = observer(spec, collector)
    found = evaluate(net, batches, devices, precision.dtype, progress, observe=observe)
    wrong = f"{found.top1_wrong} of {found.samples} wrong"
    errors = {"top1": found.top1_error, "top5": found.top5_error}
    log.text(f"{data}: {score(errors, spec.kwargs['classes'], f', {wrong}')}")
    if spec.weights:
        log.text(published_line(spec.weights))
    for line in network_lines(spec, precision.dtype, f"{found.samples} images"):
        log.text(line)
    for line in _remarks(spec, batches):
        log.text(line)
    if wanted and collector:
        predictions = collector.collected(found)
        tell(wanted, Inside(spec, predictions, found, batches, data, precision.dtype), log.text)
    if spec.weights and counts(spec, found.samples):
        how = f"{wrong}, {data}"
        try:
            kept = keep_evaluation(spec.weights, root, found.top1_error, found.samples, how)
            log.text(f"kept for 'aff tables' in {kept}")
        except OSError as error:  # its folder may be one that is only read
            log.text(f"note: not kept for 'aff tables': {error.filename}: {error.strerror}")
    return 0


def counts(spec: EvaluationSpec, samples: int) -> bool:
    """Tell whether a score is one for the published tables: of a file that stands in them, on the
    data and labels that it was published for, as the recipe has it, all of them.
    """
    record = spec.weights
    return (
        record is not None
        and any(rows_of(record.name))
        and samples == find_dataset(record.dataset).whole
        and spec.labels == record.label_set
        and not (spec.input_size or spec.crop_ratio)
    )


def published_line(record: WeightsRecord) -> str:
    """Return what was reported, and what keeps it from being the same figure."""
    line = f"published: top-1 error {100 * record.top1_error:.2f} %"
    if record.ours:
        return f"{line}, by the run of {record.log}"
    if find_dataset(record.dataset).kind == "imagenet":
        return f"{line}, over a count of validation images that wrapped its last batch round"
    if record.label_set:
        line += f", on {record.label_set} labels"
    if record.label_set == "coarse":
        line += " (the 20 superclasses)"
    return line
