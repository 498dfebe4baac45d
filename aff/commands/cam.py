"""``aff cam``: pictures of where networks look, and of what their fusions prefer."""

from __future__ import annotations

import argparse
import copy
import os
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ..cam import View, list_fusion_blocks, look
from ..data import CLASSES, load_dataset
from ..data.augment import normalize
from ..data.decoding import decode
from ..data.image_augment import MEAN, STD, central_view
from ..data.imagenet import CROP_RATIO, SIZE
from ..errors import InputError
from ..files import replacing
from ..model_zoo import get_model
from ..pretrained import load_parameters, load_published
from ..published import PUBLISHED
from .arguments import (
    Parser,
    add_data_arguments,
    add_model_arguments,
    guarded,
    named,
    whole,
)
from .subject import DATA, IMAGENET, Subject, find_subject


@dataclass
class Picture:
    """An image as people and as the network see it.

    Parameters
    ----------
    name : str
        What to call it.
    pixels : numpy.ndarray
        (H, W, 3) uint8.
    data : numpy.ndarray
        (3, H, W) float32, normalised.
    label : int, optional
        Its class, where that is known.
    """

    name: str
    pixels: np.ndarray
    data: np.ndarray
    label: Optional[int] = None


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Draw where networks look: Grad-CAM over each image, for one network or "
        "several side by side, and for a fusion the weight that it gives the block's body (the "
        "shortcut has the rest). Networks are those of the runs that the parameters are of, "
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
    add_data_arguments(parser, default=None, names=[IMAGENET])
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


def views(subject: Subject, images: Sequence[Picture], options) -> Tuple[str, List[View], str]:
    """A network's name, what it made of the images, and the fusion whose weight is drawn."""
    net = load_network(subject)
    classes = subject.kwargs["classes"]
    if options.target is not None and options.target >= classes:
        raise InputError(f"--class {options.target}: {subject.params} has {classes} classes")
    targets = None if options.target is None else np.full(len(images), options.target)
    data = mx.nd.array(np.stack([image.data for image in images]))
    names = [name for name, _ in list_fusion_blocks(net)]
    if options.block and names and options.block not in names:
        raise InputError(f"--block {options.block}: fusions of this network: {', '.join(names)}")
    block = options.block or (names[-1] if names else "")
    return subject.kwargs["fusion"], look(net, data, targets), block if names else ""


def draw(images: Sequence[Picture], networks: Sequence[Tuple[str, List[View], str]], path: str):
    """Draw a row for each image: itself, and for each network its Grad-CAM and its fusion's
    weight, red where it prefers the body and blue where the shortcut, in colours that span the
    network's own range.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = 1 + sum(2 if block else 1 for *_, block in networks)
    figure, axes = pyplot.subplots(
        len(images),
        columns,
        figsize=(2.3 * columns, 2.6 * len(images)),
        squeeze=False,
        layout="constrained",
    )
    try:
        for row, image in zip(axes, images):
            cells = iter(row)
            label = "" if image.label is None else f", class {image.label}"
            _show(next(cells), image, f"{image.name}{label}")
            for name, found, block in networks:
                view = found[images.index(image)]
                title = f"{name}\nclass {view.target}, {100 * view.probability:.0f} %"
                _show(next(cells), image, title, view.cam, "jet")
                if block:
                    reach = max(0.01, *(np.abs(v.weights[block] - 0.5).max() for v in found))
                    weight = view.weights[block]
                    title = f"{block}\nbody's weight {weight.min():.2f} to {weight.max():.2f}"
                    limits = (0.5 - reach, 0.5 + reach)
                    _show(next(cells), image, title, weight, "coolwarm", limits)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
    finally:
        pyplot.close(figure)


def _show(
    axis,
    image: Picture,
    title: str,
    over: Optional[np.ndarray] = None,
    colours: str = "",
    limits: Tuple[float, float] = (0, 1),
):
    height, width = image.pixels.shape[:2]
    axis.imshow(image.pixels, extent=(0, width, height, 0))
    if over is not None:
        axis.imshow(
            over,
            colours,
            extent=(0, width, height, 0),
            alpha=0.5,
            interpolation="bilinear",
            vmin=limits[0],
            vmax=limits[1],
        )
    axis.set_title(title, fontsize=7)
    axis.set_axis_off()


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    if not options.out.lower().endswith(".png"):
        raise InputError(f"--out {options.out}: the picture's name ends in .png")
    subjects = [subject_of(options, params) for params in options.params]
    images = pictures(subjects[0], options)
    networks = []
    for subject in subjects:
        if (subject.dataset, subject.input_size) != (subjects[0].dataset, subjects[0].input_size):
            raise InputError(
                f"{subject.params} is of a network for {subject.dataset}, {subjects[0].params} for "
                f"{subjects[0].dataset}: they do not see the same images"
            )
        networks.append(views(subject, images, options))
    draw(images, networks, options.out)
    for (name, found, _), subject in zip(networks, subjects):
        for image, view in zip(images, found):
            print(
                f"{image.name}: {name} ({subject.params}): class {view.target}, "
                f"{100 * view.probability:.1f} %"
            )
    print(f"wrote {options.out}")
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff cam") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
