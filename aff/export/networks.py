"""Exported networks, each in its own runtime, as functions of images."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import Any, Callable, Dict

import mxnet as mx
import numpy as np
from mxnet.gluon import SymbolBlock

from .. import compat
from ..models.parameters import Misfit
from ..utils.errors import InputError, last_line
from ..utils.json_file import parse_json, read_json, typed
from ..utils.libraries import library
from ..utils.opening import ANY_SIZE, check_regular
from ..utils.params_file import ArrayFile
from . import pytorch_file
from .graph import INPUT
from .source import KEY, InputSettings
from .symbol_graph import check_graph

ONNX, PYTORCH, SYMBOL = ".onnx", ".safetensors", "-symbol.json"
RUNTIMES = {ONNX: "onnxruntime", PYTORCH: "PyTorch", SYMBOL: "mxnet's SymbolBlock"}
SUFFIXES = tuple(RUNTIMES)
#: What is said of the files of a folder.
EXPORTS = "export.json"
#: (N, 3, H, W) float32 to logits (N, classes) float32.
Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Exports:
    """What `EXPORTS` holds: a description of each file, by name."""

    files: Dict[str, Any] = field(default_factory=dict)


def is_exported(path: str) -> bool:
    """Tell whether a file's name is one of an exported network."""
    return path.endswith(SUFFIXES)


def runtime_of(path: str) -> str:
    """Return what runs an exported file."""
    return RUNTIMES[next(suffix for suffix in SUFFIXES if path.endswith(suffix))]


def params_of_symbol(path: str) -> str:
    """Return the parameter file that belongs to ``NAME-symbol.json``."""
    return f"{path[: -len(SYMBOL)]}-0000.params"


def _threads() -> int:
    """Return the threads that mxnet has."""
    return int(str(compat.machine()["threads"]))


def onnx_session(path: str):
    """Open an ONNX file in onnxruntime, on the CPU.

    Raises
    ------
    InputError
        For a file that onnxruntime refuses.
    """
    check_regular(path, ANY_SIZE)
    runtime = library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds of error have no common ancestor
        raise InputError(f"{path}: onnxruntime cannot load it: {error}") from error


def describe(path: str) -> Dict[str, Any]:
    """Return what an exported file, or `EXPORTS` beside it, says of itself; empty where neither
    does.
    """
    found: Dict[str, Any] = {}
    if path.endswith(ONNX):
        found = _of_session(path, onnx_session(path))
    elif path.endswith(PYTORCH):
        found = pytorch_file.read_description(path)
    beside = os.path.join(os.path.dirname(path), EXPORTS)
    if not found and os.path.lexists(beside):  # which may be somebody else's file of that name
        found = read_entries(os.path.dirname(path)).get(os.path.basename(path), {})
        found = typed(found, Dict[str, Any], beside, "files")
    return found


def read_entries(folder: str) -> Dict[str, Any]:
    """Return what `EXPORTS` says of the files of a folder.

    Raises
    ------
    InputError
        Where it is damaged.
    """
    listing = os.path.join(folder, EXPORTS)
    return read_json(listing, _Exports).files if os.path.lexists(listing) else {}


def _of_session(path: str, session) -> Dict[str, Any]:
    told = session.get_modelmeta().custom_metadata_map.get(KEY, "{}")
    return typed(parse_json(told, path), Dict[str, Any], path, KEY)


def open_onnx(path: str) -> Network:
    """Return an ONNX file's network; one that normalises its input is given the pixels that the
    input was made of.
    """
    session = onnx_session(path)
    described = _of_session(path, session)
    names = [node.name for node in session.get_inputs()]
    if len(names) != 1:
        raise InputError(f"{path}: has the inputs {', '.join(names)}, not images alone")

    def run(data: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {names[0]: data})[0]
        except Exception as error:  # as above
            raise InputError(f"{path}: onnxruntime cannot run it: {error}") from error

    if not described.get("preprocessing"):
        return run
    told = typed(described.get("input"), InputSettings, path, "input")
    mean, std = (np.asarray(values, np.float32)[:, None, None] for values in (told.mean, told.std))
    return lambda data: run(np.rint(data * std + mean).astype(np.float32))


def torch_network(path: str, model: str, kwargs: Dict[str, Any]):
    """Return a safetensors file's network as a PyTorch module, of the package's own code: no code
    beside the file is run.

    Raises
    ------
    Misfit
        For parameters that are not those of the network.
    """
    torch = library("torch")
    arguments = pytorch_file.architecture(model, kwargs)
    state = pytorch_file.load_tensors(path, "torch")
    pytorch_file.fitting_tensors(path, state, model, kwargs)
    net = pytorch_file.torch_form(model).network()(**arguments)
    try:
        net.load_state_dict(state, strict=True)
    except RuntimeError as error:
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        reason = " ".join(str(error).split())[:300]
        raise Misfit(f"{path} does not fit {model} with these settings: {reason}", shapes) from None
    torch.set_num_threads(_threads())
    return net.eval()


def as_function(net, channels_last: bool = False) -> Network:
    """Return a PyTorch module as a function of arrays; `channels_last` has it compute in that
    memory layout.
    """
    torch = library("torch")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)

    def run(data: np.ndarray) -> np.ndarray:
        images = torch.from_numpy(np.ascontiguousarray(data)).to(memory_format=layout)
        with torch.no_grad():
            return net(images).numpy()

    return run


def open_symbol(path: str) -> Network:
    """Return the network of a symbol file and the parameters beside it."""
    params = params_of_symbol(path)
    check_graph(path)
    ArrayFile(params)  # mxnet's reader takes memory for whatever a damaged one says
    try:
        with warnings.catch_warnings():  # of the input's number format, which it cannot know
            warnings.simplefilter("ignore")
            net = SymbolBlock.imports(path, [INPUT], params, ctx=mx.cpu())
    except (mx.MXNetError, RuntimeError, AssertionError, ValueError) as error:
        raise InputError(f"{path}: mxnet cannot load it: {last_line(error)}") from error
    net.hybridize(static_alloc=True)
    return lambda data: net(mx.nd.array(data)).asnumpy()


def open_exported(path: str, model: str, kwargs: Dict[str, Any]) -> Network:
    """Return an exported file's network in its own runtime; `model` and `kwargs` say which it is
    where the file does not.
    """
    if path.endswith(ONNX):
        return open_onnx(path)
    if path.endswith(PYTORCH):
        return as_function(torch_network(path, model, kwargs))
    return open_symbol(path)
