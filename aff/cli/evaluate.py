"""``aff evaluate``: top-1 and top-5 error of parameters, over every image exactly once."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Optional, Sequence, Tuple

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..data import CLASSES, EvalBatches, load_dataset
from ..data.image_loader import CROP_RATIO, SIZE, VALIDATION_IMAGES, ImageEvalBatches
from ..data.images import find_images
from ..data.transforms import scaled_side
from ..models.factory import get_model
from ..models.pretrained import load_parameters, load_published
from ..models.weights import DEFAULT_ROOT, Published
from ..paper.reported import rows_of
from ..paper.scores import WHOLE, keep_evaluation
from ..training.amp import create_precision
from ..training.devices import choose_devices
from ..training.evaluation import evaluate
from ..training.logger import RunLog
from ..training.run_folder import SETTINGS
from ..utils.errors import InputError
from ..utils.report import score
from .common.arguments import (
    Parser,
    add_data_arguments,
    add_device_arguments,
    add_model_arguments,
    guarded,
    named,
    real,
    whole,
)
from .common.networks import ready_to_infer
from .common.subject import IMAGENET, Subject, find_subject


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Evaluate parameters on a data set's test part, each image exactly once: those "
        "that are published under a NAME, under the recipe they were published with, or "
        f"those of a file. Of a file, network and data set are those of the run ({SETTINGS} beside "
        "it), unless flags say otherwise.",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        default=None,
        help="published parameters, a name of 'aff list published'; fetched where they are not "
        "there",
    )
    parser.add_argument(
        "--params", type=named, default=None, help="parameter file, e.g. best.params of a run"
    )
    parser.add_argument(
        "--root",
        type=named,
        default=None,
        help=f"folder of published parameters, with NAME (default: {DEFAULT_ROOT})",
    )
    parser.add_argument(
        "--batch-size", type=whole(1), default=128, help="images of a batch on each device"
    )
    parser.add_argument(
        "--mode",
        choices=("optimized", "hybrid", "imperative"),
        default="optimized",
        help="how the network is run: optimized for inference (on one CPU device; elsewhere as "
        "hybrid), compiled as in training, or operator by operator",
    )
    add_model_arguments(parser, required=False)
    data = add_data_arguments(parser, default=None, names=[IMAGENET])
    data.add_argument(
        "--rec-val",
        default=None,
        metavar="FILE",
        type=named,
        help="validation images of imagenet as a .rec file (default: those of --data-dir, a "
        "folder with val/<class>/ or <class>/ in it, or ~/.mxnet/datasets/imagenet/rec/val.rec)",
    )
    data.add_argument(
        "--rec-val-idx",
        default=None,
        metavar="FILE",
        type=named,
        help="index of --rec-val (default: the .idx file beside it, where there is one)",
    )
    data.add_argument(
        "--input-size",
        type=whole(32, 4096),
        default=None,
        help=f"height and width of imagenet's images as the network sees them (default: {SIZE})",
    )
    data.add_argument(
        "--crop-ratio",
        type=real(0.1, 1),
        default=None,
        help="of imagenet's images: share of the scaled shorter side that the centre crop keeps "
        f"(default: {CROP_RATIO})",
    )
    add_device_arguments(parser)
    return parser


def load_batches(subject: Subject, options: argparse.Namespace, devices: int) -> Tuple:
    """The batches, and what to call the data."""
    size, classes = options.batch_size * devices, subject.kwargs["classes"]
    if subject.dataset == IMAGENET:
        images = find_images("val", subject.data_dir, subject.rec_val, subject.rec_val_idx)
        whole_set = "" if len(images) == VALIDATION_IMAGES else ", not ImageNet's 50,000 images"
        side, ratio = subject.input_size or SIZE, subject.crop_ratio or CROP_RATIO
        return (
            ImageEvalBatches(images, size, classes, side, ratio, options.num_workers),
            f"imagenet ({images.source}{whole_set}), centre {side} of "
            f"{scaled_side(side, ratio)} pixels",
        )
    data = load_dataset(subject.dataset, subject.data_dir, subject.labels)
    if data.classes != classes:
        raise InputError(
            f"{subject.params} is a network of {classes} classes, {data.name} has {data.classes}"
        )
    labels = f" ({data.label_set} labels)" if data.label_set else ""
    return (
        EvalBatches(data, data.test, size, options.num_workers),
        f"{data.name}{labels}, test part",
    )


def load_network(subject: Subject, options: argparse.Namespace, devices, precision) -> HybridBlock:
    """The network with its parameters, ready to run."""
    if subject.published is None:
        net = get_model(subject.model, ctx=list(devices), **subject.kwargs)
        precision.prepare(net)
        load_parameters(net, subject.params, devices)
    else:
        net = load_published(subject.published.name, devices, options.root)
    return ready_to_infer(net, devices, precision, options.mode)


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    subject = find_subject(options, CLASSES)
    devices, warning = choose_devices(options.gpus, options.cpus)
    return report(subject, options, devices, warning)


def report(
    subject: Subject,
    options: argparse.Namespace,
    devices: Sequence[mx.Context],
    warning: Optional[str] = None,
) -> int:
    """Evaluate and print; of the options, `batch_size`, `num_workers`, `mode` and `root` count."""
    log = RunLog()
    on_gpu = devices[0].device_type == "gpu"
    precision = create_precision(subject.dtype if on_gpu else "float32", devices)
    if subject.published:  # which may have to be fetched: not for data that is not here
        batches, data = load_batches(subject, options, len(devices))
        net = load_network(subject, options, devices, precision)
    else:
        net = load_network(subject, options, devices, precision)
        batches, data = load_batches(subject, options, len(devices))
    if warning:
        log.warn(warning)
    found = evaluate(
        net,
        batches,
        devices,
        precision.dtype,
        partial(log.progress, total=len(batches), description="evaluate"),
    )
    log.text(
        f"{data}: "
        + score(
            {"top1": found.top1_error, "top5": found.top5_error},
            f", {found.top1_wrong} of {found.samples} wrong",
        )
    )
    if subject.published:
        log.text(published_line(subject.published))
        if counts(subject, found.samples):
            text = f"{found.top1_wrong} of {found.samples} wrong, {data}"
            kept = keep_evaluation(
                subject.published, options.root, found.top1_error, found.samples, text
            )
            log.text(f"kept for 'aff tables' in {kept}")
    if precision.dtype != subject.dtype:
        log.text(
            f"trained in {subject.dtype}, evaluated in {precision.dtype}, which is what a CPU has"
        )
    log.text(
        f"{subject.model} with {subject.kwargs['fusion']}, parameters {subject.params}; "
        f"{found.samples} images, each once"
    )
    return 0


def counts(subject: Subject, samples: int) -> bool:
    """Whether a score is one for the published tables: of a file that stands in them, on the data
    and labels that it was published for, as the recipe has it, all of them.
    """
    record = subject.published
    return (
        record is not None
        and any(rows_of(record.name))
        and samples == WHOLE[record.dataset]
        and subject.labels == record.label_set
        and not (subject.input_size or subject.crop_ratio)
    )


def published_line(record: Published) -> str:
    """What was reported, and what keeps it from being the same figure."""
    line = f"published: top-1 error {100 * record.top1_error:.2f} %"
    if record.ours:
        return f"{line}, by the run of {record.log}"
    if record.dataset == IMAGENET:
        return f"{line}, over a count of validation images that wrapped its last batch round"
    if record.label_set:
        line += f", on {record.label_set} labels"
    if record.label_set == "coarse":
        line += " (the 20 superclasses)"
    return line


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff evaluate") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    if options.name and options.params:
        build_parser(prog).error("give NAME or --params FILE, not both")
    if not options.name and not options.params:
        build_parser(prog).error("give the NAME of published parameters, or --params FILE")
    return guarded(prog, lambda: run(options))
