"""``aff summary``: a network's layers, parameters and multiply-adds."""

from __future__ import annotations

import argparse
from typing import Any, Dict, Optional

from ..models.factory import get_model, resolve_model
from ..models.registry import find_family, full_arguments
from ..models.summary import depth_of, depth_that_fits, rows_to_depth, summarize, table
from ..nn.fusion import fusion_names
from ..utils.errors import InputError
from ..utils.values import int_range, nonempty
from .common.parser import Parser
from .common.shared_flags import add_fusion_argument, add_structure_arguments

GROUP, HELP = "look", "layers, parameters and multiply-adds of a network"
DESCRIPTION = (
    "Print a network's layers with their output shapes, parameters and multiply-adds, and the "
    "totals. Needs no data, no parameters and no GPU."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument("model", metavar="MODEL", help="a name of 'aff list'")
    add_fusion_argument(parser)
    parser.add_argument(
        "--classes",
        type=int_range(1),
        default=argparse.SUPPRESS,
        help="outputs (default: 100, ImageNet networks 1000, segmentation networks 21)",
    )
    add_structure_arguments(parser, "1", ratio="4, and 16 in bottlenecks; 4 in long skips")
    parser.add_argument(
        "--channels",
        type=int_range(1, 1 << 16),
        default=argparse.SUPPRESS,
        help="channels of a feature pyramid (default: those of its finest map)",
    )
    parser.add_argument(
        "--backbone-fusion",
        type=nonempty,
        default=argparse.SUPPRESS,
        help="fusion in the blocks of a segmentation network's backbone (default: DirectAdd)",
    )
    parser.add_argument(
        "--input-size",
        type=int_range(8, 4096),
        default=None,
        help="height and width of the image in pixels (default: 32, ImageNet networks 224, "
        "segmentation networks over CIFAR-style ones 128)",
    )
    parser.add_argument(
        "--depth",
        type=int_range(1),
        default=None,
        help="levels of blocks to show, of which each is inside one of the level above; what is "
        "deeper is summed up (default: as many as fit a screen)",
    )


def print_summary(
    name: str, kwargs: Dict[str, Any], size: Optional[int] = None, depth: Optional[int] = None
) -> None:
    """Print the layer table of a network, at its usual input size unless another is named, with so
    many levels of blocks, by default those that a screen has room for.
    """
    model, implied = resolve_model(name)
    kwargs = {**implied, **kwargs}
    size = size or find_family(model)[0].size
    net = get_model(model, **kwargs)
    fusion = fusion_names(full_arguments(model, kwargs)["fusion"])
    others = (f"{key} {value}" for key, value in kwargs.items() if key != "fusion")
    title = ", ".join([model, f"fusion {fusion}", *others, f"input 3x{size}x{size}"])
    rows = summarize(net, size)
    levels = depth_of(rows)
    shown = min(depth or depth_that_fits(rows), levels)
    print(table(rows_to_depth(rows, net, shown), title))
    if shown < levels:
        print(f"levels of blocks: {shown} of {levels} (aff summary --depth {levels}: all layers)")


def run(model: str, input_size: Optional[int], depth: Optional[int] = None, **given: Any) -> int:
    """Print the summary of a network."""
    valid = find_family(resolve_model(model)[0])[0].arguments
    for key in given:
        if key not in valid:
            raise InputError(f"{{{key}}} is not for {model}")
    print_summary(model, given, input_size, depth)
    return 0
