"""Parameters trained in PyTorch, back to mxnet's."""

from __future__ import annotations

import os
from typing import Any, Dict

import mxnet as mx
import numpy as np

from ..models.parameters import save_arrays
from ..utils.errors import InputError
from ..utils.files import folder_for_files
from .networks import read_entries
from .pytorch_file import fitting_tensors, load_tensors
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
    tensors = load_tensors(path, "numpy")
    arrays = fitting_tensors(path, tensors, source.model, source.kwargs)
    name = f"{source.name}.params"
    result = os.path.join(out, name)
    with folder_for_files(out):
        if name not in read_entries(out) and os.path.lexists(result):
            raise InputError(
                f"{result}: is there already, and was not made by 'aff export': name another "
                "folder with {out}"
            )
        save_arrays(result, {k: mx.nd.array(v, dtype=np.float32) for k, v in arrays.items()})
        said: Dict[str, Any] = {**source.description(), "from": "pytorch"}
        keep_entries(out, {name: {**said, "versions": versions_of_all()}})
    return result
