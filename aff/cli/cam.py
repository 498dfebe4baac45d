"""``aff cam``: pictures of where networks look, and of what their fusions prefer."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, List, Optional, Sequence, Union

import mxnet as mx
import numpy as np

from ..data.datasets import find_dataset, load_dataset
from ..data.image_file import read_image
from ..data.transforms import normalize
from ..inference.load import view_of
from ..inference.locate import called
from ..inference.network import load_network
from ..inference.spec import EvaluationSpec, find_spec, source_of
from ..inference.view import View, WholeView
from ..nn.fusion import fusion_title
from ..utils.errors import InputError, unknown
from ..utils.files import check_destination
from ..utils.report import printable
from ..utils.values import int_range, nonempty
from ..viz.cam import last_fusions, list_fusion_blocks, look, stage_of, weighing_of
from ..viz.cam_figure import Column, Picture, Weighed, draw
from .common.parser import Parser
from .common.shared_flags import add_cifar_network_arguments, add_data_arguments, add_root_argument

GROUP, HELP = "look", "pictures of where networks look, and what their fusions prefer"
DESCRIPTION = (
    "Draw where networks look: Grad-CAM over each image, for one network or "
    "several side by side, and for a fusion its weight (of the block's body, where it selects: "
    "the shortcut has the rest). Networks are those of the runs that the parameters are of, "
    "unless flags say otherwise."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="*",
        type=nonempty,
        help="an image file",
    )
    parser.add_argument(
        "--params",
        metavar="FILE",
        nargs="+",
        type=nonempty,
        required=True,
        help="a network each: parameter files, runs' folders (their best.params), or names of "
        "published parameters",
    )
    add_root_argument(parser)
    parser.add_argument(
        "--index",
        metavar="N",
        nargs="+",
        type=int_range(0),
        default=[],
        help="images of the data set's test part, by their place in it (CIFAR-style networks)",
    )
    parser.add_argument(
        "--class",
        dest="target",
        type=nonempty,
        default=None,
        help="the class to ask about, by its name or number (default: the one that each network "
        "finds)",
    )
    parser.add_argument(
        "--block",
        type=nonempty,
        default=None,
        help="name of the fusion whose weight is drawn (default: the last one; of a segmentation "
        "network that of every level)",
    )
    parser.add_argument("--out", type=nonempty, default="cam.png", help="the picture, .png")
    parser.add_argument(
        "--input-size",
        type=int_range(8, 4096),
        default=None,
        help="of an ImageNet network's images",
    )
    add_cifar_network_arguments(parser, imagenet=True)
    add_data_arguments(parser, workers=False)


def pictures(spec: EvaluationSpec, images: List[str], index: List[int]) -> List[Picture]:
    """Return the images to look at, of files or by their index in the data set's test part.

    Raises
    ------
    InputError
        For images of a kind that the network is not for, or that are not there.
    """
    if images and index:
        raise InputError("give image files, or {index}, not both")
    if images:
        return [_photograph(path, spec) for path in images]
    in_memory = find_dataset(spec.dataset).load
    if not index or not in_memory:
        raise InputError(
            f"{spec.params}: name images of {spec.dataset} by {{index}}, or give image files"
            if in_memory
            else f"{spec.params} is of a network for image files: give it some"
        )
    data = load_dataset(spec.dataset, spec.data_dir, spec.labels)
    tested = data.tested
    last = len(tested) - 1
    if max(index) > last:
        raise InputError(f"{{index}} {max(index)}: the last test image is {last}")
    found = []
    for number in index:
        part = tested.take(np.array([number]))
        pixels = np.broadcast_to(part.images[0], (3, *part.images.shape[2:])).transpose(1, 2, 0)
        view = normalize(part.images, data.mean, data.std)[0]
        found.append(Picture(f"{data.name} {number}", pixels, view, int(part.labels[0])))
    return found


def _view(spec: EvaluationSpec) -> Union[View, WholeView]:
    """Return what a network is given of an image."""
    return WholeView.of_network(spec.model, spec.kwargs) if spec.segments else view_of(spec)


def _photograph(path: str, spec: EvaluationSpec) -> Picture:
    image, source = read_image(path), source_of(spec)
    data = _view(spec)(image)
    height, width = image.shape[:2] if spec.segments else data.shape[1:]
    mean, std = (np.array(values)[:, None, None] for values in (source.mean, source.std))
    pixels = np.clip(data * std + mean, 0, 255).round().astype(np.uint8)[:, :height, :width]
    return Picture(os.path.basename(path), pixels.transpose(1, 2, 0), data)


def label_of(spec: EvaluationSpec, target: str) -> int:
    """Return the number of a class of a network, given its name or number.

    Raises
    ------
    InputError
        For a class that it does not have.
    """
    names, classes = spec.class_names or [], spec.kwargs["classes"]
    if target in names:
        return names.index(target)
    if not target.isdecimal():
        raise unknown(f"class of {spec.params}", target, names)
    if int(target) >= classes:
        raise InputError(f"--class {target}: {spec.params} has {classes} classes")
    return int(target)


def views(
    spec: EvaluationSpec,
    images: Sequence[Picture],
    target: Optional[str],
    block: Optional[str],
    root: Optional[str] = None,
) -> Column:
    """Return what a network made of the images; published parameters are those in `root`.

    Raises
    ------
    InputError
        For a class or fusion that it does not have, or parameters whose outputs are not finite.
    """
    net = load_network(spec, [mx.cpu()], root=root)
    targets = None if target is None else np.array([label_of(spec, target)])
    fusions = dict(list_fusion_blocks(net))
    if block and fusions and block not in fusions:
        raise InputError(f"{{block}} {block}: fusions of this network: {', '.join(fusions)}")
    found = [
        view
        for image in images
        for view in look(net, mx.nd.array(image.data[None]), targets, image.pixels.shape[:2])
    ]
    if not all(np.isfinite([view.probability, view.cam.sum()]).all() for view in found):
        raise InputError(f"{spec.params}: the network's outputs are not finite: another file?")
    shown = [block] if block and fusions else last_fusions(net)
    weighed = [Weighed(path, weighing_of(net, path), stage_of(net, path)) for path in shown]
    return Column(fusion_title(spec.kwargs["fusion"]), found, weighed, spec.class_names)


def tell_apart(columns: Sequence[Column], specs: Sequence[EvaluationSpec]) -> None:
    """Add to the names of networks of one fusion those of their runs or parameter files."""
    counts = Counter(column.name for column in columns)
    for column, spec in zip(columns, specs):
        if counts[column.name] > 1:
            column.name = f"{column.name}, {called(spec.params)}"


def run(
    images: List[str],
    params: List[str],
    root: Optional[str],
    index: List[int],
    target: Optional[str],
    block: Optional[str],
    out: str,
    **given: Any,
) -> int:
    """Draw where networks look."""
    check_destination(out, ["png"])
    specs = [find_spec(source, root, given, needs_data=not images) for source in params]
    looked_at = pictures(specs[0], images, index)
    columns = []
    for spec in specs:
        if _view(spec) != _view(specs[0]) or (index and spec.dataset != specs[0].dataset):
            raise InputError(
                f"{spec.params} is of a network for {spec.dataset or 'other images'}, "
                f"{specs[0].params} for {specs[0].dataset or 'others'}: they do not see the same "
                "images"
            )
        columns.append(views(spec, looked_at, target, block, root))
    tell_apart(columns, specs)
    if block and not any(column.weighed for column in columns):
        raise InputError(f"{{block}} {block}: no fusion of these networks has a weight")
    draw(looked_at, columns, out)
    for column, spec in zip(columns, specs):
        for image, view in zip(looked_at, column.views):
            line = f"{image.name}: {column.name} ({spec.params}): {spec.class_name(view.target)}"
            print(printable(f"{line}, {100 * view.probability:.1f} %"))
    print(f"wrote {out}")
    return 0
