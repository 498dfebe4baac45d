"""Layer table of a network: output shapes, parameters and multiply-adds, read off its symbolic
graph.

No data, no parameters' values and no device are needed. Multiply-adds ("FLOPs" in the paper) count
convolutions and dense layers (one for each weight applied), and the fusions' own arithmetic (one
for each value that an elementwise operator of a fusion gives, or that its pooling reads). BatchNorm
and activations of the backbone are left out, as usual.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Dict, List, Optional, Tuple

import mxnet as mx
from mxnet.gluon import Block, HybridBlock

from ..nn.fusion import is_fusion
from ..utils.errors import InputError
from ..utils.screen import columns, fold
from .factory import get_model
from .registry import count_parameters, find_family
from .segmenter import Segmenter


@dataclass
class Row:
    """One block of the network that computes something itself.

    Parameters
    ----------
    name : str
        Structural name; children's names in a parameter file start with it.
    kind : str
        Class of the block.
    shape : tuple of int
        Of its last output, without the batch.
    parameters, trainable : int
        Its own parameters, and those of them that take gradients.
    multiply_adds : int
        For one image.
    last : int
        Place of its last operator in the order of computation.
    """

    name: str
    kind: str
    shape: Tuple[int, ...]
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    last: int = -1


#: Rows that fit a terminal of 24 lines, with what stands above and below them.
SCREEN = 16
#: Operators by what a fusion's arithmetic takes of them: a multiply-add for each value read, for
#: each value given, or none (they move values, or are left out as usual).
POOLING = ("Pooling", "_contrib_AdaptiveAvgPooling2D", "mean", "sum", "max")
ELEMENTWISE = (
    *("elemwise_add", "add_n", "elemwise_sub", "elemwise_mul", "elemwise_div", "Activation"),
    *("broadcast_add", "broadcast_sub", "broadcast_mul", "broadcast_div", "_plus_scalar"),
    *("_minus_scalar", "_rminus_scalar", "_mul_scalar", "_div_scalar", "_rdiv_scalar", "softmax"),
    *("sigmoid", "tanh", "relu", "exp", "log", "sqrt", "square", "LeakyReLU", "clip", "negative"),
    *("broadcast_maximum", "broadcast_minimum", "_maximum_scalar", "_minimum_scalar"),
)
FREE = (
    *("null", "BatchNorm", "_contrib_SyncBatchNorm", "Flatten", "Reshape", "reshape_like"),
    *("slice_axis", "slice", "slice_like", "SliceChannel", "Concat", "stack", "ones_like"),
    *("zeros_like", "batch_dot", "broadcast_like", "broadcast_axis", "broadcast_to", "identity"),
    *("expand_dims", "squeeze", "transpose", "SwapAxis", "Cast", "Dropout", "_copy", "UpSampling"),
    *("_contrib_BilinearResize2D", "GroupNorm", "InstanceNorm", "LayerNorm"),
)
#: What a row counts.
COUNTED = ("parameters", "trainable", "multiply_adds")
WEIGHTED = ("Convolution", "FullyConnected")


def summarize(net: HybridBlock, size: int) -> List[Row]:
    """Return the rows of the layer table for one RGB image of `size` x `size`, in the order of
    computation.

    Raises
    ------
    InputError
        For an image that is too small for the network, or of a size that it does not take.
    """
    if isinstance(net, Segmenter):
        net.check_sides(size, size)
    output = net(mx.sym.var("data"))
    internals = output.get_internals()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # mxnet prints its arguments
            found = internals.infer_shape(data=(1, 3, size, size))[1]
    except mx.MXNetError as error:
        raise InputError(f"an input of {size} x {size} pixels is too small here") from error
    shapes = dict(zip(internals.list_outputs(), found))
    nodes = json.loads(output.tojson())["nodes"]
    owners = owners_of(net)
    rows: Dict[str, Row] = {}
    for number, node in enumerate(nodes):
        if node["op"] == "null":
            continue
        inputs = [nodes[entry[0]]["name"] for entry in node["inputs"]]
        path, block, in_fusion = owner_of(node["name"], owners)
        shape = shapes.get(f"{node['name']}_output") or shapes[f"{node['name']}_output0"]
        row = rows.setdefault(path, Row(path or "(net)", type(block).__name__, shape[1:]))
        row.shape, row.last = shape[1:], number
        declared = getattr(block, "own_multiply_adds", None)
        if declared and is_fusion(block):
            row.multiply_adds = declared(shape[1:])
        else:
            row.multiply_adds += _multiply_adds(node, shape, inputs, shapes, in_fusion)
    for path, block, _ in owners.values():
        own = block._reg_params.values()
        if own:
            row = rows.setdefault(path, Row(path or "(net)", type(block).__name__, ()))
            row.parameters = sum(math.prod(parameter.shape) for parameter in own)
            row.trainable = sum(
                math.prod(parameter.shape) for parameter in own if parameter.grad_req != "null"
            )
    return list(rows.values())


def depth_of(rows: List[Row]) -> int:
    """Return how many levels of blocks there are, each inside one of the level above."""
    return max(row.name.count(".") for row in rows) + 1


def depth_that_fits(rows: List[Row]) -> int:
    """Return how many levels a screen has room for, 1 at least."""
    fits = [
        d for d in range(1, depth_of(rows) + 1) if len({_cut(r.name, d) for r in rows}) <= SCREEN
    ]
    return max(fits, default=1)


def rows_to_depth(rows: List[Row], net: Block, depth: int) -> List[Row]:
    """Return the rows of the blocks of the first levels, `depth` of them, each with what is inside
    it: the sums of parameters and multiply-adds, and the shape that it gives.
    """
    kinds = {path: type(block).__name__ for path, block, _ in owners_of(net).values()}
    found: Dict[str, Row] = {}
    for row in rows:
        name = _cut(row.name, depth)
        whole = found.setdefault(name, Row(name, kinds.get(name, row.kind), row.shape))
        if row.last > whole.last:
            whole.shape, whole.last = row.shape, row.last
        for key in COUNTED:
            setattr(whole, key, getattr(whole, key) + getattr(row, key))
    return list(found.values())


def _cut(name: str, depth: int) -> str:
    return ".".join(name.split(".")[:depth])


def owners_of(net: Block) -> Dict[str, Tuple[str, Block, bool]]:
    """Map the prefix of each block to its structural name, itself, and whether it is part of a
    fusion.
    """
    owners: Dict[str, Tuple[str, Block, bool]] = {}

    def visit(block: Block, path: str, in_fusion: bool):
        in_fusion = in_fusion or is_fusion(block)
        owners[block.prefix] = (path, block, in_fusion)
        for name, child in block._children.items():
            visit(child, f"{path}.{name}" if path else name, in_fusion)

    visit(net, "", False)
    return owners


def owner_of(node_name: str, owners: Dict[str, Tuple[str, Block, bool]]) -> Tuple[str, Block, bool]:
    """Return what `owners_of` says of the block that an operator or a parameter belongs to."""
    end = len(node_name)
    while end > 0:
        end = node_name.rfind("_", 0, end)
        if node_name[: end + 1] in owners:
            return owners[node_name[: end + 1]]
    raise ValueError(f"no block owns the operator {node_name}")


def _multiply_adds(
    node: dict,
    shape: Tuple[int, ...],
    inputs: List[str],
    shapes: Dict[str, Tuple[int, ...]],
    in_fusion: bool,
) -> int:
    operator = node["op"]
    if operator in WEIGHTED:
        weight = _input_shape(inputs[1], shapes)
        return math.prod(weight) * math.prod(shape[2:])
    if operator not in (*POOLING, *ELEMENTWISE, *FREE):
        raise InputError(
            f"the multiply-adds of the operator {operator} ({node['name']}) are not known: add it "
            "to aff.models.summary, or declare own_multiply_adds in the fusion's class"
        )
    if in_fusion and operator in POOLING:
        return math.prod(_input_shape(inputs[0], shapes)[1:])
    if in_fusion and operator in ELEMENTWISE:
        return math.prod(shape[1:])
    return 0


def _input_shape(name: str, shapes: Dict[str, Tuple[int, ...]]) -> Tuple[int, ...]:
    return shapes.get(name) or shapes.get(f"{name}_output") or shapes[f"{name}_output0"]


def table(rows: List[Row], title: str) -> str:
    """Return the rows and their totals as text."""
    head = ["layer", "type", "output shape", "parameters", "trainable", "multiply-adds"]
    counts = [[f"{getattr(row, key):,}" for key in COUNTED] for row in rows]
    cells = [[row.name, row.kind, row.shape, *count] for row, count in zip(rows, counts)]
    total, trainable, operations = (sum(getattr(row, key) for row in rows) for key in COUNTED)
    return "\n".join(
        [
            fold(title, indent=2),
            columns(head, cells),
            fold(
                f"parameters: {total:,} ({total / 1e6:.2f}M), of them trainable {trainable:,} "
                f"({trainable / 1e6:.2f}M)",
                indent=2,
            ),
            f"multiply-adds (FLOPs) of one image: {operations:,} ({operations / 1e9:.3f} G)",
        ]
    )


@dataclass(frozen=True)
class Cost:
    """What a network takes: all and trainable parameters, multiply-adds of an image."""

    parameters: int
    trainable: int
    multiply_adds: int


@lru_cache(maxsize=None)
def _measured(model: str, size: int, settings: str) -> Cost:
    net = get_model(model, **json.loads(settings))
    trainable, total = count_parameters(net)
    return Cost(total, trainable, sum(row.multiply_adds for row in summarize(net, size)))


def measured(model: str, kwargs: Dict[str, Any], size: Optional[int] = None) -> Cost:
    """Count a network's parameters and multiply-adds at the usual input size."""
    side = size or find_family(model)[0].size
    return _measured(model, side, json.dumps(kwargs, sort_keys=True))
