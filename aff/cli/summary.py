"""``aff summary``: a network's layers, parameters and multiply-adds."""

from __future__ import annotations

import argparse
from typing import Any, Dict, Optional, Sequence

from ..models.factory import get_model, resolve_model
from ..models.registry import find_family
from ..models.summary import summarize, table
from .common.arguments import Parser, add_fusion_argument, add_structure_arguments, guarded, whole
from .common.networks import structure


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Print a network's layers with their output shapes, parameters and "
        "multiply-adds, and the totals. Needs no data, no parameters and no GPU.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of 'aff list'")
    add_fusion_argument(parser, None)
    parser.add_argument(
        "--classes",
        type=whole(1),
        default=argparse.SUPPRESS,
        help="outputs (default: 100, ImageNet networks 1000)",
    )
    add_structure_arguments(parser, "1")
    parser.add_argument(
        "--input-size",
        type=whole(8, 4096),
        default=None,
        help="height and width of the image in pixels (default: 32, ImageNet networks 224)",
    )
    return parser


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


def run(options: argparse.Namespace) -> int:
    """Do what the flags say."""
    kwargs = structure(options, options.model)
    if options.fusion:
        kwargs["fusion"] = options.fusion
    if hasattr(options, "classes"):
        kwargs["classes"] = options.classes
    print_summary(options.model, kwargs, options.input_size)
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff summary") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
