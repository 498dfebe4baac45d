"""Evaluates what an `EvaluationSpec` says, and reports it: for ``aff evaluate`` and for
``train_imagenet.py --eval-only``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, List, Optional, Sequence, Tuple

import mxnet as mx
from mxnet.gluon import HybridBlock

from ...data.datasets import find_dataset, load_dataset
from ...data.image_loader import CROP_RATIO, SIZE, ImageEvalLoader
from ...data.images import find_images
from ...data.loader import EvalLoader
from ...data.transforms import scaled_side
from ...export.networks import is_exported, open_exported, runtime_of
from ...models.factory import get_model
from ...models.pretrained import load_parameters, load_published
from ...models.records import WeightsRecord
from ...paper.reported import rows_of
from ...paper.scores import keep_evaluation
from ...training.amp import Float32, create_precision
from ...training.analysis import PredictionCollector
from ...training.evaluation import evaluate
from ...training.logger import RunLogger
from ...training.network import make_ready_to_infer
from ...utils.errors import InputError
from ...utils.report import score
from .evaluation_report import Inside, Wanted, observer, tell
from .evaluation_spec import EvaluationSpec


def create_loader(spec: EvaluationSpec, size: int, workers: int) -> Tuple[Any, str]:
    """Return the loader of batches of so many images, and what to call the data."""
    classes, record = spec.kwargs["classes"], find_dataset(spec.dataset)
    if record.kind == "imagenet":
        images = find_images("val", spec.data_dir, spec.rec_val, spec.rec_val_idx)
        whole = "" if len(images) == record.whole else f", not ImageNet's {record.whole:,} images"
        side, ratio = spec.input_size or SIZE, spec.crop_ratio or CROP_RATIO
        return (
            ImageEvalLoader(images, size, classes, side, ratio, workers),
            f"imagenet ({images.source}{whole}), centre {side} of {scaled_side(side, ratio)} "
            "pixels",
        )
    data = load_dataset(spec.dataset, spec.data_dir, spec.labels)
    if data.classes != classes:
        raise InputError(
            f"{spec.params} is a network of {classes} classes, {data.name} has {data.classes}"
        )
    labels = f" ({data.label_set} labels)" if data.label_set else ""
    return EvalLoader(data, data.test, size, workers), f"{data.name}{labels}, test part"


def load_network(
    spec: EvaluationSpec,
    devices: Sequence[mx.Context],
    precision: Optional[Float32] = None,
    root: Optional[str] = None,
) -> HybridBlock:
    """Return the network with its parameters on the devices; `precision` is its number format."""
    if spec.weights:
        return load_published(spec.weights.name, list(devices), root)
    if is_exported(spec.params):
        raise InputError(f"{spec.params} is of another runtime: this needs a .params file")
    net = get_model(spec.model, ctx=list(devices), **spec.kwargs)
    if precision:
        precision.cast(net)
    load_parameters(net, spec.params, list(devices))
    return net


def ready_network(
    spec: EvaluationSpec,
    devices: Sequence[mx.Context],
    precision: Float32,
    mode: str,
    root: Optional[str] = None,
) -> Callable[[mx.nd.NDArray], mx.nd.NDArray]:
    """Return the network ready for inference: ours, or an exported one in its own runtime."""
    if not is_exported(spec.params):
        net = load_network(spec, devices, precision, root)
        return make_ready_to_infer(net, devices, precision, mode)
    if len(devices) > 1 or devices[0].device_type != "cpu":
        raise InputError(f"{spec.params} runs on one CPU device here: {{cpus}} 1")
    exported = open_exported(spec.params, spec.model, spec.kwargs)
    return lambda data: mx.nd.array(exported(data.asnumpy()))


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
    progress = partial(log.progress, total=len(batches), description="evaluate")
    collector = PredictionCollector() if wanted else None
    observe = observer(spec, collector)
    found = evaluate(net, batches, devices, precision.dtype, progress, observe=observe)
    wrong = f"{found.top1_wrong} of {found.samples} wrong"
    errors = {"top1": found.top1_error, "top5": found.top5_error}
    log.text(f"{data}: {score(errors, spec.kwargs['classes'], f', {wrong}')}")
    if spec.weights:
        log.text(published_line(spec.weights))
        if counts(spec, found.samples):
            kept = keep_evaluation(
                spec.weights, root, found.top1_error, found.samples, f"{wrong}, {data}"
            )
            log.text(f"kept for 'aff tables' in {kept}")
    if precision.dtype != spec.dtype:
        log.text(
            f"trained in {spec.dtype}, evaluated in {precision.dtype}, which is what a CPU has"
        )
    runtime = f", run by {runtime_of(spec.params)}" if is_exported(spec.params) else ""
    log.text(
        f"{spec.model} with {spec.kwargs['fusion']}, parameters {spec.params}{runtime}; "
        f"{found.samples} images, each once"
    )
    if wanted and collector:
        predictions = collector.collected(found)
        tell(wanted, Inside(spec, predictions, found, batches, data, precision.dtype), log.text)
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
