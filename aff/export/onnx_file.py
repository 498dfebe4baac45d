"""A network as an ONNX file, by mxnet's own exporter, of standard operators alone.

The exporter (opset 13) leaves open what is set right here: it stamps the newest opset that onnx
knows on its nodes of opset 13, lists the parameters as inputs, leaves constants that nothing uses,
forgets the shape of the output where it had to be computed, and some nodes' names.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any, Dict

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from .. import __version__
from ..utils.errors import InputError
from ..utils.libraries import library
from .graph import INPUT, OUTPUT, plain_graph
from .onnx_operators import teach
from .source import KEY, Source

OPSET = 13
TRACED = 4


def write_onnx(
    path: str,
    net: HybridBlock,
    source: Source,
    opset: int = OPSET,
    preprocessing: bool = False,
    float16: bool = False,
) -> None:
    """Write a network as an ONNX file of one input `data`, (N, 3, H, W) with all but the 3 open,
    and one output `logits`, (N, classes) or (N, classes, H, W), both float32.

    Parameters
    ----------
    path : str
        The file.
    net : HybridBlock
        Initialized; it is changed (see `plain_graph`).
    source : Source
        What it is.
    opset : int, default 13
        Version of ONNX's operators.
    preprocessing : bool, default False
        Take pixels from 0 to 255 and normalise them first.
    float16 : bool, default False
        Compute in float16, but for input, output and normalisation.

    Raises
    ------
    InputError
        Where onnx is missing or does not know the opset, or the exporter an operator.
    """
    onnx = library("onnx")
    newest = onnx.defs.onnx_opset_version()
    if not OPSET <= opset <= newest:
        raise InputError(f"{{opset}} {opset}: onnx {onnx.__version__} writes {OPSET} to {newest}")
    model = _exported(net, source, path)
    _tidy(model, source)
    if opset != OPSET:
        model = onnx.version_converter.convert_version(model, opset)
    if float16:
        model = _in_float16(model)
    if preprocessing:
        _prepend_normalisation(model, source)
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    description: Dict[str, Any] = {**source.description(), "preprocessing": preprocessing}
    onnx.helper.set_model_props(model, {KEY: json.dumps(description)})
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def _exported(net: HybridBlock, source: Source, path: str):
    """Return what mxnet's exporter makes of a network."""
    onnx = library("onnx")
    symbol, arrays = plain_graph(net)
    try:
        import mxnet.onnx
    except ImportError as error:
        raise InputError(f"mxnet's exporter needs onnx.mapping: {error}") from error
    teach()
    size = source.input_size
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it converts
            mxnet.onnx.export_model(
                symbol,
                {name: mx.nd.array(array) for name, array in arrays.items()},
                in_shapes=[(TRACED, 3, size, size)],
                in_types=np.float32,
                onnx_file_path=path,
                dynamic=True,
                dynamic_input_shapes=[("N", 3, "H", "W")],
            )
    except AttributeError as error:  # how it says that it does not know an operator
        raise InputError(f"mxnet's ONNX exporter cannot write this network: {error}") from error
    return onnx.load(path)


def _tidy(model, source: Source) -> None:
    onnx = library("onnx")
    graph = model.graph
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    used = {name for node in graph.node for name in node.input}
    constants = [array for array in graph.initializer if array.name in used]
    del graph.initializer[:], graph.input[:], graph.output[:]
    graph.initializer.extend(constants)
    float32 = onnx.TensorProto.FLOAT
    value = onnx.helper.make_tensor_value_info
    graph.input.append(value(INPUT, float32, ["N", 3, "H", "W"]))
    sides = ["H", "W"] if source.per_pixel else []
    graph.output.append(value(OUTPUT, float32, ["N", source.kwargs["classes"], *sides]))
    graph.name = source.name
    for made in graph.node:
        made.name = made.name or made.output[0]
    model.producer_name, model.producer_version = "aff", __version__


def _in_float16(model):
    """Return the network computing in float16, between two casts."""
    onnx = library("onnx")
    convert = library("onnxruntime.transformers.float16").convert_float_to_float16
    model = convert(model, keep_io_types=False, disable_shape_infer=True)
    float16, float32 = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    model.graph.input[0].type.tensor_type.elem_type = float32
    model.graph.output[0].type.tensor_type.elem_type = float32
    cast, half = onnx.helper.make_node, f"{OUTPUT}.half"
    _insert_first(model, [cast("Cast", [INPUT], [f"{INPUT}.half"], "to_half", to=float16)])
    last = next(node for node in model.graph.node if OUTPUT in node.output)
    last.output[0] = half
    model.graph.node.append(cast("Cast", [half], [OUTPUT], "to_float", to=float32))
    return model


def _prepend_normalisation(model, source: Source) -> None:
    """Put ``(pixels - mean) / std`` between the input and whoever reads it."""
    onnx = library("onnx")
    for name, values in (("mean", source.mean), ("std", source.std)):
        array = np.asarray(values, np.float32).reshape(1, -1, 1, 1)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    node = onnx.helper.make_node
    centre = node("Sub", [INPUT, "mean"], ["centred"], "normalize.sub")
    scale = node("Div", ["centred", "std"], ["normalized"], "normalize.div")
    _insert_first(model, [centre, scale])


def _insert_first(model, nodes: list) -> None:
    """Put nodes between the input and whoever reads it; they are in the order of computation."""
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == INPUT:
                node.input[index] = nodes[-1].output[0]
    for node in reversed(nodes):
        graph.node.insert(0, node)
