"""The processes that train one network together; here the one that trains by itself."""

from __future__ import annotations

from typing import Any, Dict

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..models.parameters import average_statistics


class ProcessGroup:
    """A process that trains by itself.

    Parameters
    ----------
    kvstore : str, default 'device'
        Where the gradients of its devices are summed: ``'device'``, on one of them, or ``'local'``,
        on the CPU.
    """

    rank = 0
    world_size = 1

    def __init__(self, kvstore: str = "device"):
        self.kvstore: Any = kvstore

    @property
    def is_main_process(self) -> bool:
        """Whether this is the process that writes logs and files."""
        return self.rank == 0

    def all_reduce(self, values) -> np.ndarray:
        """Sum numbers over the processes: (N,) to (N,) float64."""
        return np.asarray(values, np.float64)

    def broadcast(self, value: Any) -> Any:
        """Give what the main process gives here, as JSON keeps it."""
        return value

    def broadcast_arrays(self, arrays: Dict[str, mx.nd.NDArray]) -> None:
        """Set the values of arrays to the main process's."""

    def average_statistics(self, net: HybridBlock) -> None:
        """Give all devices of all processes the mean of their running statistics."""
        average_statistics(net)
