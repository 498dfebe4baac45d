"""Parameters trained in PyTorch, back to mxnet's."""

from __future__ import annotations

import os
from typing import Any, Dict

import mxnet as mx
import numpy as np

from ..models.parameters import Misfit, misfits, save_arrays
from ..models.registry import build_network
from ..utils.files import folder_for_files
from .networks import read_entries
from .pytorch_file import read_safetensors
from .source import Source
from .write import keep_entries, versions_of_all


def from_pytorch(path: str, source: Source, out: str) -> str:
    """Write the parameters of a safetensors file as a parameter file of ours, bit for bit.

    Parameters
    ----------
    path : str
        The file: a state dict of an exported network, as ``safetensors.torch.save_file`` writes it.
    source : Source
        What network it is of, and what the result is called.
    out : str
        Folder of the result.

    Returns
    -------
    str
        The parameter file.

    Raises
    ------
    Misfit
        For parameters that are not those of the network; it names them.
    """
    net = build_network(source.model, **source.kwargs)
    names = list(net._collect_params_with_prefix())
    arrays = read_safetensors(path, names)
    shapes = {name: array.shape for name, array in arrays.items()}
    trouble = misfits(net, shapes)
    if trouble:
        raise Misfit(f"{path} does not fit {source.model}: {'; '.join(trouble)}", shapes)
    name = f"{source.name}.params"
    result = os.path.join(out, name)
    with folder_for_files(out):
        read_entries(out)
        save_arrays(result, {key: mx.nd.array(arrays[key], dtype=np.float32) for key in names})
        said: Dict[str, Any] = {**source.description(), "from": "pytorch"}
        keep_entries(out, {name: {**said, "versions": versions_of_all()}})
    return result
