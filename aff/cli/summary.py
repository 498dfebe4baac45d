"""``aff summary``: a network's layers, parameters and multiply-adds."""

from __future__ import annotations

import argparse
from typing import Any, Dict, Optional

from ..models.factory import get_model, resolve_model
from ..models.registry import find_family
from ..models.summary import summarize, table
from ..utils.errors import InputError
from ..utils.values import int_range
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
        help="outputs (default: 100, ImageNet networks 1000)",
    )
    add_structure_arguments(parser, "1")
    parser.add_argument(
        "--input-size",
        type=int_range(8, 4096),
        default=None,
        help="height and width of the image in pixels (default: 32, ImageNet networks 224)",
    )


def print_summary(name: str, kwargs: Dict[str, Any], size: Optional[int] = None) -> None:
    """Print the layer table of a network, at its usual input size unless another is named."""
    model, implied = resolve_model(name)
    kwargs = {**implied, **kwargs}
    size = size or find_family(model)[0].size
    net = get_model(model, **kwargs)
    title = ", ".join(
        [model, *(f"{key} {value}" for key, value in kwargs.items()), f"input 3x{size}x{size}"]
    )
    print(table(summarize(net, size), title))


def run(model: str, input_size: Optional[int], **given: Any) -> int:
    """Print the summary of a network."""
    valid = find_family(resolve_model(model)[0])[0].arguments
    for key in given:
        if key not in valid:
            raise InputError(f"{{{key}}} is not for {model}")
    print_summary(model, given, input_size)
    return 0
