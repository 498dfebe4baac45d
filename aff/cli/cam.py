"""``aff cam``: pictures of where networks look, and of what their fusions prefer."""

from __future__ import annotations

import argparse
import copy
import os
from typing import List, Optional, Sequence

import mxnet as mx
import numpy as np

from ..data import CLASSES, load_dataset
from ..data.augment import normalize
from ..data.decoding import decode
from ..data.image_loader import CROP_RATIO, SIZE
from ..data.transforms import MEAN, STD, central_view
from ..models.factory import get_model
from ..models.pretrained import load_parameters, load_published
from ..models.weights import PUBLISHED
from ..utils.errors import InputError
from ..viz.cam import list_fusion_blocks, look
from ..viz.cam_figure import Column, Picture, draw
from ..viz.figures import check_out
from .common.arguments import Parser, add_data_arguments, add_model_arguments, guarded, named, whole
from .common.subject import DATA, IMAGENET, Subject, find_subject


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Draw where networks look: Grad-CAM over each image, for one network or "
        "several side by side, and for a fusion its weight (of the block's body, where it selects: "
        "the shortcut has the rest). Networks are those of the runs that the parameters are of, "
        "unless flags say otherwise.",
    )
    parser.add_argument(
        "images", metavar="IMAGE", nargs="*", type=named, help="a JPEG or PNG (ImageNet networks)"
    )
    parser.add_argument(
        "--params",
        metavar="FILE",
        nargs="+",
        type=named,
        required=True,
        help="parameter files, a network each, or names of published parameters",
    )
    parser.add_argument(
        "--index",
        metavar="N",
        nargs="+",
        type=whole(0),
        default=[],
        help="images of the data set's test part, by their place in it (CIFAR-style networks)",
    )
    parser.add_argument(
        "--class",
        dest="target",
        type=whole(0),
        default=None,
        help="the class to ask about (default: the one that each network finds)",
    )
    parser.add_argument(
        "--block",
        type=named,
        default=None,
        help="name of the fusion whose weight is drawn (default: the last one)",
    )
    parser.add_argument("--out", type=named, default="cam.png", help="the picture, .png")
    parser.add_argument(
        "--input-size", type=whole(32, 4096), default=None, help="of an ImageNet network's images"
    )
    add_model_arguments(parser, required=False)
    add_data_arguments(parser, default=None, names=[IMAGENET], workers=False)
    return parser


def subject_of(options: argparse.Namespace, params: str) -> Subject:
    """What the flags, and the run's settings, say of one parameter file."""
    one = copy.copy(options)
    one.params, one.name, one.root = params, None, None
    if params in PUBLISHED:
        one.params, one.name = None, params
    for key in DATA:
        if not hasattr(one, key):
            setattr(one, key, None)
    if one.images and not one.dataset:
        one.dataset = IMAGENET
    return find_subject(one, CLASSES)


def load_network(subject: Subject):
    """The network with its parameters, on the CPU."""
    if subject.published:
        return load_published(subject.published.name, [mx.cpu()])
    net = get_model(subject.model, ctx=[mx.cpu()], **subject.kwargs)
    load_parameters(net, subject.params, [mx.cpu()])
    return net


def pictures(subject: Subject, options: argparse.Namespace) -> List[Picture]:
    """The images to look at.

    Raises
    ------
    InputError
        For images of a kind that the network is not for, or that are not there.
    """
    if subject.dataset == IMAGENET:
        if options.index or not options.images:
            raise InputError(f"{subject.params} is of an ImageNet network: give it image files")
        return [_photograph(path, subject.input_size or SIZE) for path in options.images]
    if options.images or not options.index:
        raise InputError(
            f"{subject.params} is of a network for {subject.dataset}: name images by --index"
        )
    data = load_dataset(subject.dataset, subject.data_dir, subject.labels)
    last = len(data.test) - 1
    if max(options.index) > last:
        raise InputError(f"--index {max(options.index)}: the last test image is {last}")
    found = []
    for index in options.index:
        part = data.test.take(np.array([index]))
        pixels = np.broadcast_to(part.images[0], (3, *part.images.shape[2:])).transpose(1, 2, 0)
        view = normalize(part.images, data.mean, data.std)[0]
        found.append(Picture(f"{data.name} {index}", pixels, view, int(part.labels[0])))
    return found


def _photograph(path: str, size: int) -> Picture:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    decoded = decode(content, path)
    data = central_view(decoded, size, CROP_RATIO)
    pixels = np.clip(data * STD + MEAN, 0, 255).astype(np.uint8)
    return Picture(os.path.basename(path), pixels, data.transpose(2, 0, 1))


def views(subject: Subject, images: Sequence[Picture], options: argparse.Namespace) -> Column:
    """What a network made of the images.

    Raises
    ------
    InputError
        For a class or fusion that it does not have, or parameters whose outputs are not finite.
    """
    net = load_network(subject)
    classes = subject.kwargs["classes"]
    if options.target is not None and options.target >= classes:
        raise InputError(f"--class {options.target}: {subject.params} has {classes} classes")
    targets = None if options.target is None else np.full(len(images), options.target)
    data = mx.nd.array(np.stack([image.data for image in images]))
    fusions = dict(list_fusion_blocks(net))
    if options.block and fusions and options.block not in fusions:
        raise InputError(f"--block {options.block}: fusions of this network: {', '.join(fusions)}")
    found = look(net, data, targets)
    if not all(np.isfinite(view.probability) for view in found):
        raise InputError(f"{subject.params}: the network's outputs are not finite: another file?")
    block = (options.block or list(fusions)[-1]) if fusions else ""
    return Column(subject.kwargs["fusion"], found, block, fusions[block].weighs if block else "")


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    check_out(options.out, ["png"])
    subjects = [subject_of(options, params) for params in options.params]
    images = pictures(subjects[0], options)
    columns = []
    for subject in subjects:
        if (subject.dataset, subject.input_size) != (subjects[0].dataset, subjects[0].input_size):
            raise InputError(
                f"{subject.params} is of a network for {subject.dataset}, {subjects[0].params} for "
                f"{subjects[0].dataset}: they do not see the same images"
            )
        columns.append(views(subject, images, options))
    if options.block and not any(column.block for column in columns):
        raise InputError(f"--block {options.block}: no fusion of these networks has a weight")
    draw(images, columns, options.out)
    for column, subject in zip(columns, subjects):
        for image, view in zip(images, column.views):
            print(
                f"{image.name}: {column.name} ({subject.params}): class {view.target}, "
                f"{100 * view.probability:.1f} %"
            )
    print(f"wrote {options.out}")
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff cam") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
