"""Flags that several commands share: of networks, data and devices. Each is left out of the result,
or None, where it is not given.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Optional

from ...data.datasets import LABEL_SETS, dataset_name, list_datasets
from ...inference.locate import looks_like_parameters
from ...models.weights import DEFAULT_ROOT
from ...utils.errors import InputError
from ...utils.values import int_range, nonempty, text

STRUCTURE_HELP = (
    ("--deep-stem", "three 3x3 convolutions in the stem instead of one"),
    ("--avg-down", "average pooling before a strided projection (generation 2)"),
    ("--use-se", "squeeze-and-excitation in a ResNeXt's blocks"),
)
CIFAR_MODELS = (
    "resnet or inception (their depth from --blocks), resnext29_32x4d, resnext38_32x4d, "
    "resnext47_32x4d, or a name that 'aff list models' gives. A ResNeXt starts with zero in the "
    "last gamma of every block, as the published ones did"
)
IMAGENET_MODELS = (
    "resnet{50,101,152}_v1b_askc, resnext{50,101}_32x4d_askc, or a CIFAR-style network such as "
    "cifar_resnet14_askc, for small images (--input-size)"
)
MASK_MODELS = (
    "fpn_resnet, fpn_inception (the backbone's depth from --blocks), fpn_resnext29_32x4d, or a "
    "name that 'aff list models' gives: a feature pyramid over that backbone"
)
SEGMENTATION_HELP = (
    (
        "--blocks",
        300,
        "blocks b of each of the three stages of a CIFAR-style backbone (default: 5)",
    ),
    ("--num-layers", 2000, "the backbone's depth, in place of the one in the model's name"),
    (
        "--backbone-r",
        1 << 16,
        "reduction ratio of the fusions there (default: the backbone's usual)",
    ),
    ("--channels", 1 << 16, "channels of the pyramid (default: those of its finest map)"),
)


def add_fusion_argument(
    group: Any, default: Optional[str] = None, where: str = "in the residual blocks"
) -> None:
    """Add the flag that names the fusion; `where` says what it joins."""
    group.add_argument(
        "--askc-type",
        "--fusion",
        dest="fusion",
        type=nonempty,
        default=argparse.SUPPRESS,
        help=f"fusion {where}: ASKCFuse (alias AFF), ResGlobLocaforGlobLocaCha "
        "(iAFF), DirectAdd (Add), or another of 'aff list fusions'"
        + (f" (default: {default})" if default else ""),
    )


def add_structure_arguments(
    group: Any,
    channel_times: Optional[str] = None,
    imagenet: bool = True,
    ratio: str = "4, and 16 in bottlenecks",
) -> None:
    """Add the flags of a network's structure; `channel_times` is said to be the default of that
    flag, which is left out without it, and `ratio` that of the fusions' reduction ratio.
    """
    if imagenet:
        group.add_argument(
            "--stem-width",
            type=int_range(1, 1024),
            default=argparse.SUPPRESS,
            help="channels of an ImageNet network's deep stem (default: 32, ResNeXt 64)",
        )
    if channel_times:
        group.add_argument(
            "--channel-times",
            type=int_range(1, 64),
            default=argparse.SUPPRESS,
            help="multiplies the widths 16, 32, 64 of a CIFAR ResNet or Inception network "
            f"(default: {channel_times})",
        )
    group.add_argument(
        "--start-layer",
        type=int_range(1, 5),
        default=argparse.SUPPRESS,
        help="first stage, from 1, that uses the fusion; one more than there are stages adds "
        "everywhere (default: 1, ImageNet networks 3)",
    )
    group.add_argument(
        "--r",
        type=int_range(1, 1024),
        default=argparse.SUPPRESS,
        help=f"reduction ratio of the fusions: C channels go through C/r (default: {ratio}). The "
        "paper's ablation has 2 for AFF and 4 for iAFF; fusions without such a bottleneck, as Add "
        "and the MS- variants, do not heed it",
    )
    for flag, help in STRUCTURE_HELP:
        group.add_argument(
            flag, action="store_true", default=argparse.SUPPRESS, help=f"{help} (default: False)"
        )


def add_cifar_network_arguments(parser: Any, model: Optional[str] = None, imagenet: bool = False):
    """Add the flags that name a CIFAR-style network; `model` is said to be the default."""
    group = parser.add_argument_group("network")
    default = f"; resnext: generation 2's (default: {model})" if model else ""
    group.add_argument(
        "--model", type=nonempty, default=argparse.SUPPRESS, help=CIFAR_MODELS + default
    )
    add_fusion_argument(group, "ASKCFuse" if model else None)
    group.add_argument(
        "--blocks",
        type=int_range(1, 300),
        default=argparse.SUPPRESS,
        help="blocks b of each of the three stages of --model resnet, depth 6b+2, of inception, "
        "3b+2, or of generation 2's resnext, 9b+2 (default: 5)",
    )
    add_structure_arguments(group, "4 for --model resnet, else 1", imagenet=imagenet)


def add_imagenet_network_arguments(parser: Any, model: str) -> None:
    """Add the flags that name an ImageNet network; `model` is said to be the default."""
    group = parser.add_argument_group("network")
    help = f"{IMAGENET_MODELS}; resnet or resnext: generation 2's (default: {model})"
    group.add_argument("--model", type=nonempty, default=argparse.SUPPRESS, help=help)
    group.add_argument(
        "--num-layers",
        type=int_range(1, 2000),
        default=argparse.SUPPRESS,
        help="depth, in place of the one in the model's name",
    )
    add_fusion_argument(group, "ASKCFuse")
    add_structure_arguments(group, "1")
    group.add_argument(
        "--last-gamma",
        action="store_true",
        default=argparse.SUPPRESS,
        help="start the last gamma of every block's body at zero (default: False)",
    )


def add_segmentation_network_arguments(parser: Any, model: str) -> None:
    """Add the flags that name a segmentation network; `model` is said to be the default."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        type=nonempty,
        default=argparse.SUPPRESS,
        help=f"{MASK_MODELS} (default: {model})",
    )
    add_fusion_argument(group, "ASKCFuse", "of the long skips")
    group.add_argument(
        "--backbone-fusion",
        type=nonempty,
        default=argparse.SUPPRESS,
        help="fusion in the backbone's blocks (default: DirectAdd)",
    )
    for flag, most, help in SEGMENTATION_HELP:
        group.add_argument(flag, type=int_range(1, most), default=argparse.SUPPRESS, help=help)
    add_structure_arguments(group, "1", ratio="4 in the long skips, over any backbone")


def add_parameters_arguments(parser: Any, name_help: str) -> None:
    """Add the arguments that name parameters; `name_help` says what NAME may be."""
    parser.add_argument("name", metavar="NAME", nargs="?", default=None, help=name_help)
    parser.add_argument(
        "--params",
        type=nonempty,
        default=None,
        help="parameter file, e.g. best.params of a run, or what NAME may be",
    )
    add_root_argument(parser)


def add_root_argument(parser: Any) -> None:
    """Add the argument that names the folder of published parameters."""
    parser.add_argument(
        "--root",
        type=nonempty,
        default=None,
        help=f"folder of published parameters (default: {DEFAULT_ROOT})",
    )


def chosen_source(name: Optional[str], params: Optional[str]) -> str:
    """Return what names the parameters, NAME or what `--params` gives.

    Raises
    ------
    InputError
        For both or neither, or a NAME that is any file.
    """
    if name and params:
        raise InputError("give NAME or {params} FILE, not both")
    if not name and not params:
        raise InputError("give the NAME of published parameters, or {params} FILE")
    if name and not looks_like_parameters(name) and os.path.isfile(name):
        stem, ending = os.path.splitext(name)
        if ending == ".py":
            raise InputError(f"{name} is an exported program: name its weights, {stem}.safetensors")
        raise InputError(f"{name} is a file, not a NAME: {{params}} {name}")
    return str(name or params)


def add_data_arguments(parser: Any, workers: bool = True):
    """Add the flags that name a data set and how it is read; gives their group."""
    group = parser.add_argument_group("data")
    help = f"data set: {', '.join(list_datasets())}"
    group.add_argument("--dataset", type=dataset_name, default=None, help=help)
    group.add_argument(
        "--labels",
        choices=LABEL_SETS,
        default=None,
        help="of cifar100: fine, its 100 classes (used where the flag is not given), or coarse, "
        "the 20 superclasses that the published 89.3 and 90.3 were measured on (100 outputs, as "
        "then)",
    )
    group.add_argument(
        "--data-dir",
        type=nonempty,
        default=None,
        help="folder of the data set's files; each data set has a default under ~/.mxnet/datasets/",
    )
    if workers:
        add_workers_argument(group, "prepare batches")
    return group


def add_workers_argument(group: Any, what: str) -> None:
    """Add the flag of the threads that do `what` ahead."""
    group.add_argument(
        "-j",
        "--num-data-workers",
        dest="num_workers",
        type=int_range(0, 256),
        default=2,
        help=f"threads that {what} ahead; 0: none. Results do not depend on it",
    )


def add_device_arguments(parser: Any) -> None:
    """Add the flags that name devices."""
    group = parser.add_argument_group("devices")
    group.add_argument(
        "--gpus",
        type=text,
        default=None,
        help="GPU numbers, such as 0,1,2; an empty text: the CPU. Without the flag GPU 0 where "
        "there is one; without any GPU the CPU",
    )
    group.add_argument(
        "--cpus",
        type=int_range(1, 64),
        default=None,
        help="use this many CPU devices instead of any GPU, to exercise data parallelism without "
        "them",
    )
