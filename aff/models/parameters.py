"""Parameters to a file and back, with every name and shape checked before any is set."""

from __future__ import annotations

import errno
from typing import Dict, List, Sequence, Union

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..utils.errors import InputError, shorten
from ..utils.files import replacing
from ..utils.params_file import ArrayFile
from .parts import is_running_statistic

Shapes = Dict[str, tuple]
Devices = Union[mx.Context, Sequence[mx.Context], None]


class Misfit(InputError):
    """A parameter file does not fit a network; `shapes` are what the file holds, by name."""

    def __init__(self, message: str, shapes: Shapes):
        super().__init__(message)
        self.shapes = shapes


def save_parameters(net: HybridBlock, path: str) -> None:
    """Save the first device's values by structural name, in the format of
    ``Block.save_parameters``, atomically.
    """
    arrays = {
        name: parameter.data(parameter.list_ctx()[0]).as_in_context(mx.cpu())
        for name, parameter in net._collect_params_with_prefix().items()
    }
    save_arrays(path, arrays)


def save_arrays(path: str, arrays: Dict[str, mx.nd.NDArray]) -> None:
    """Save named arrays in mxnet's format, atomically.

    Raises
    ------
    OSError
        Where they cannot be written whole (a full disk, which mxnet does not always notice).
    """
    with replacing(path) as temporary:
        try:
            mx.nd.save(temporary, arrays)
            ArrayFile(temporary)
        except (mx.MXNetError, InputError) as error:
            message = "cannot be written whole (is the disk full?)"
            raise OSError(errno.EIO, message, path) from error


def copy_parameters(source: HybridBlock, target: HybridBlock) -> None:
    """Set every parameter of `target`, on all its devices, to that of `source` on its first."""
    parameters = source._collect_params_with_prefix()
    for name, parameter in target._collect_params_with_prefix().items():
        parameter.set_data(parameters[name].data(parameters[name].list_ctx()[0]))


def average_statistics(net: HybridBlock) -> None:
    """Give all devices the mean of their running statistics, in which alone they differ. Done
    again it changes no bit: a run may be stopped after it.
    """
    for parameter in net.collect_params().values():
        if is_running_statistic(parameter) and len(parameter.list_ctx()) > 1:
            values = [array.as_in_context(mx.cpu()) for array in parameter.list_data()]
            differences = [value - values[0] for value in values[1:]]
            parameter.set_data(values[0] + mx.nd.add_n(*differences) / len(values))


def misfits(net: HybridBlock, shapes: Shapes) -> List[str]:
    """Return what keeps arrays of these names and shapes from being this network's parameters, a
    phrase each; empty where they fit.
    """
    parameters = net._collect_params_with_prefix()
    missing = [name for name in parameters if name not in shapes]
    left_over = [name for name in shapes if name not in parameters]
    other = [
        f"{name} {shapes[name]} for {parameter.shape}"
        for name, parameter in parameters.items()
        if name in shapes and shapes[name] != parameter.shape
    ]
    findings = (("missing", missing), ("left over", left_over), ("of another shape", other))
    return [f"{len(names)} {what}: {shorten(names)}" for what, names in findings if names]


def refuse_misfit(net: HybridBlock, file: ArrayFile) -> None:
    """Raise `Misfit` for a file of other names or shapes than the network's parameters have."""
    trouble = misfits(net, file.shapes)
    if trouble:
        raise Misfit(f"{file.path} does not fit this network: {'; '.join(trouble)}", file.shapes)


def load_fitting(net: HybridBlock, path: str, ctx: Devices = None) -> None:
    """Load a file saved by `save_parameters` or ``Block.save_parameters``; each value is cast to
    its parameter's number format.

    Parameters
    ----------
    net : HybridBlock
        Initialized or not.
    path : str
        The file.
    ctx : Context or list of Context, default `cpu()`
        Where the parameters of a network that is not initialized go; others stay where they are.

    Raises
    ------
    InputError
        For a file that cannot be read; `Misfit` for one that does not fit. The network is then as
        before.
    """
    file = ArrayFile(path)
    refuse_misfit(net, file)
    parameters = net._collect_params_with_prefix()
    set_values(net, {name: cast_to(file, name, parameters[name].dtype) for name in parameters}, ctx)


def set_values(net: HybridBlock, values: Dict[str, np.ndarray], ctx: Devices = None) -> None:
    """Set parameters by structural name, each to an array of its shape and number format; those
    that are not initialized go to `ctx` (default `cpu()`).
    """
    ctx = mx.cpu() if ctx is None else ctx
    devices = [ctx] if isinstance(ctx, mx.Context) else list(ctx)
    parameters = net._collect_params_with_prefix()
    for name, value in values.items():
        parameter = parameters[name]
        parameter._load_init(
            mx.nd.array(value, ctx=mx.cpu(), dtype=parameter.dtype),
            parameter.list_ctx() if parameter._data is not None else devices,
        )


def cast_to(file: ArrayFile, name: str, dtype) -> np.ndarray:
    """Return an array of a file in a parameter's number format, as `as_format` does."""
    return as_format(file[name], dtype, file.path, name)


def as_format(array: np.ndarray, dtype, path: str, name: str) -> np.ndarray:
    """Return an array in a parameter's number format; `path` and `name` are for messages.

    Raises
    ------
    InputError
        For whole numbers, which parameters are not, and values that the format cannot hold.
    """
    if array.dtype.kind != "f":
        raise InputError(f"{path}: {name} holds {array.dtype} values, not parameters")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if array.dtype.itemsize > cast.dtype.itemsize and (np.isinf(cast) & np.isfinite(array)).any():
        raise InputError(f"{path}: {name} holds values too large for {cast.dtype}")
    return cast


def count_outputs(path: str) -> int:
    """Return the number of outputs of the network whose parameters a file holds.

    Raises
    ------
    InputError
        For a file that cannot be read, or holds no output layer of a network here.
    """
    shapes = ArrayFile(path).shapes
    bias = shapes.get("fc.bias") or shapes.get("output.bias")
    if not bias:
        raise InputError(f"{{params}} {path}: no parameters of a network with an output layer")
    return bias[0]
