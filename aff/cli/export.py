"""``aff export``: networks as PyTorch, ONNX or symbol files, checked; and PyTorch weights back."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import mxnet as mx

from ..export.back import from_pytorch
from ..export.networks import PYTORCH
from ..export.write import TARGETS, Options, export_network
from ..inference.network import load_network
from ..inference.spec import find_spec, source_of
from ..utils import values
from ..utils.errors import InputError
from ..utils.report import evaluate_command
from .common.parser import Parser
from .common.shared_flags import (
    add_cifar_network_arguments,
    add_data_arguments,
    add_parameters_arguments,
    chosen_source,
)

GROUP, HELP = "export", "a network as PyTorch, ONNX or symbol files, with the proof"
DESCRIPTION = (
    "Write a network and its parameters for another runtime, and compare both on the same images; "
    "where they differ nothing is written. Of a file, the network is that of the run that it is "
    "of, unless flags say otherwise. With --from, take parameters trained in PyTorch back."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    add_parameters_arguments(
        parser,
        "published parameters, a name of 'aff list published'; a file NAME.params; a run's folder "
        "(its best.params); with --from, the file",
    )
    parser.add_argument("--to", choices=sorted(TARGETS), default=None, help="what to write")
    parser.add_argument(
        "--from",
        dest="source",
        choices=("pytorch",),
        default=None,
        help="take the parameters of NAME, a .safetensors file, back: writes a .params file",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=values.recorded, default="exports", help="where files go"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        default=None,
        help="compare what was written with our network, as without the flag",
    )
    parser.add_argument(
        "--no-check",
        dest="check",
        action="store_false",
        default=None,
        help="do not compare what was written with our network",
    )
    parser.add_argument(
        "--opset", type=values.int_range(1, 99), default=None, help="of ONNX (default: 13)"
    )
    parser.add_argument(
        "--with-preprocessing",
        action="store_true",
        help="ONNX: take RGB pixels from 0 to 255, and normalise them in the network",
    )
    parser.add_argument(
        "--float16",
        action="store_true",
        help="ONNX: compute in float16; PyTorch: keep parameters in float16",
    )
    parser.add_argument(
        "--input-size",
        type=values.int_range(8, 4096),
        default=None,
        help="height and width of the images that it is described and checked with (default: "
        "the data set's)",
    )
    add_cifar_network_arguments(parser, imagenet=True)
    add_data_arguments(parser, workers=False)


def _bring_back(file: Optional[str], unfit: bool, out: str, given: Mapping[str, Any]):
    """Write the parameters of a safetensors file as a parameter file."""
    if not file or not file.endswith(PYTORCH) or unfit:
        raise InputError(
            f"--from pytorch takes a file NAME{PYTORCH}, {{out}}, and where nothing says which "
            "network it is of, the network's flags"
        )
    spec = find_spec(file, None, given, needs_data=False)
    path = from_pytorch(file, source_of(spec, None), out)
    print(f"wrote {path}")
    print(f"evaluate it with: {evaluate_command(path)}")
    return 0


def run(
    name: Optional[str],
    params: Optional[str],
    root: Optional[str],
    to: Optional[str],
    source: Optional[str],
    out: str,
    check: Optional[bool],
    opset: Optional[int],
    with_preprocessing: bool,
    float16: bool,
    input_size: Optional[int],
    **given: Any,
) -> int:
    """Export a network, or take PyTorch's parameters back."""
    check = check is not False
    if source:
        unfit = [to, params, root, opset, with_preprocessing, float16, not check, input_size]
        return _bring_back(name, any(unfit), out, given)
    if not to:
        raise InputError("say what to write: {to} pytorch, onnx or symbol")
    spec = find_spec(chosen_source(name, params), root, given, needs_data=False)
    described = source_of(spec, input_size)
    options = Options(opset or Options.opset, with_preprocessing, float16)

    def build():
        return load_network(spec, [mx.cpu()], root=root)

    paths, found = export_network(build, described, to, out, options, check)
    if found:
        print(f"checked: {found.line()}")
    for path in paths:
        print(f"wrote {path}")
    return 0
