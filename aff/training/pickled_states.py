"""Optimizer states in the pickled form of mxnet's ``Trainer.save_states``, read without running any
of it.

A pickle names classes and functions and has them called. Here every name stands for something
inert, arrays are taken from their bytes by our own reader, and what is not an array is dropped.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Dict, List

import numpy as np

from ..utils.errors import InputError
from ..utils.params_file import read_array
from .checkpoint import flatten


class _Inert:
    """In place of any class or function that a pickle names: takes whatever it is given, and does
    nothing.
    """

    def __init__(self, *_, **__):
        pass

    def __setstate__(self, _):
        pass

    def __setitem__(self, *_):
        pass

    def append(self, _):
        """Take a list's item."""

    extend = append


class _Array(_Inert):
    """In place of mxnet's ``NDArray``: keeps its bytes."""

    content = b""

    def __setstate__(self, state):
        self.content = bytes(state["handle"])


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("mxnet.ndarray.ndarray", "NDArray"):
            return _Array
        return bytearray if name == "bytearray" else _Inert

    def persistent_load(self, _):
        return None


def read_pickled_states(path: str) -> Dict[int, List[np.ndarray]]:
    """The arrays of each parameter's state, by the trainer's number of the parameter.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    InputError
        For a file that holds no such states.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        states = _Unpickler(io.BytesIO(content)).load()
        if isinstance(states, tuple):  # and the optimizer
            states = states[0]
        return {
            int(index): [read_array(array.content, f"{path}: state {index}") for array in flat]
            for index, state in states.items()
            for flat in [_flat(state)]
        }
    except InputError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise InputError(f"{path}: holds no optimizer states of mxnet's: {error!r}") from error


def _flat(state: Any) -> List[_Array]:
    arrays = [array for _, array in flatten(state)]
    if not all(isinstance(array, _Array) for array in arrays):
        raise TypeError("a state that is no array")
    return arrays
