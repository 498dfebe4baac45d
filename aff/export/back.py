"""Parameters trained in PyTorch, back to mxnet's."""

from __future__ import annotations

import os
from typing import Any, Dict

import mxnet as mx
import numpy as np

from ..models.parameters import as_format, save_arrays
from ..utils.files import folder_for_files
from .pytorch_file import fitting_tensors, load_tensors
from .source import Source
from .write import keep_entries, refuse_others, versions_of_all


def from_pytorch(path: str, source: Source, out: str) -> str:
    """Write the parameters of a safetensors file as a parameter file of ours, bit for bit;
    what is of float64 is rounded.

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
    InputError
        For whole numbers and values that float32 cannot hold, and where another's file lies there.
    """
    tensors = load_tensors(path, "numpy")
    arrays = fitting_tensors(path, tensors, source.model, source.kwargs)
    kept = {
        key: mx.nd.array(as_format(array, np.float32, path, key), dtype=np.float32)
        for key, array in arrays.items()
    }
    name = f"{source.name}.params"
    result = os.path.join(out, name)
    with folder_for_files(out):
        refuse_others(out, [name])
        save_arrays(result, kept)
        said: Dict[str, Any] = {**source.description(), "from": "pytorch"}
        keep_entries(out, {name: {**said, "versions": versions_of_all()}})
    return result
