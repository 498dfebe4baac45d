"""The workers of a distributed job that train one network together, over mxnet's kvstore."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from .. import compat
from ..models.parameters import average_statistics
from ..models.parts import is_running_statistic
from ..training.process_group import ProcessGroup
from ..utils.errors import InputError
from . import process

#: Keys of a job's own values in the kvstore; the trainer numbers its parameters from 0.
FIRST_KEY = 10_000_000


class DistributedGroup(ProcessGroup):
    """One worker of a distributed job. What is done here is done by all, in the same order.

    The kvstore is held to the process's end: letting go of it waits for all other workers to do so,
    which after an error would be for ever.

    Parameters
    ----------
    kvstore : KVStore
        Which joins the workers; it sums what they give.
    """

    _held: List[mx.kv.KVStore] = []

    def __init__(self, kvstore: mx.kv.KVStore):
        self._held.append(kvstore)
        self.kvstore = kvstore
        self.rank = kvstore.rank
        self.world_size = kvstore.num_workers
        self._keys: Dict[tuple, int] = {}

    def _key(self, like: mx.nd.NDArray) -> int:
        kind = (like.shape, str(like.dtype))
        if kind not in self._keys:
            self._keys[kind] = FIRST_KEY + len(self._keys)
            self.kvstore.init(self._keys[kind], mx.nd.zeros_like(like))
        return self._keys[kind]

    def _summed(self, array: mx.nd.NDArray) -> mx.nd.NDArray:
        key = self._key(array)
        result = mx.nd.zeros_like(array)
        self.kvstore.push(key, array)
        self.kvstore.pull(key, out=result)
        # The next push to this key may not reach the servers before all workers have made this one.
        result.wait_to_read()
        return result

    def all_reduce(self, values) -> np.ndarray:
        values = np.asarray(values, np.float64)
        return self._summed(mx.nd.array(values, dtype="float64")).asnumpy()

    def broadcast(self, value: Any) -> Any:
        text = json.dumps(value).encode() if self.is_main_process else b""
        length = int(self.all_reduce([len(text)])[0])
        content = np.zeros(length, np.float64)
        content[: len(text)] = np.frombuffer(text, np.uint8)
        return json.loads(self.all_reduce(content).astype(np.uint8).tobytes())

    def broadcast_arrays(self, arrays: Dict[str, mx.nd.NDArray]) -> None:
        for name in sorted(arrays):
            array = arrays[name]
            own = self.is_main_process
            given = array.as_in_context(mx.cpu()) if own else mx.nd.zeros(array.shape)
            array[:] = self._summed(given.astype(array.dtype))

    def average_statistics(self, net: HybridBlock) -> None:
        average_statistics(net)
        for parameter in net.collect_params().values():
            if is_running_statistic(parameter):
                total = self.all_reduce(parameter.list_data()[0].asnumpy().ravel())
                mean = total / self.world_size
                parameter.set_data(mx.nd.array(mean.reshape(parameter.shape)))


def create_group(kvstore: str) -> ProcessGroup:
    """Create the process group over a kvstore; waits for the other processes of a distributed one.

    Raises
    ------
    InputError
        Where a distributed job was not started by a launcher, or a launcher's worker is not to take
        part in its job.
    """
    launched = compat.job()
    if not kvstore.startswith("dist"):
        if launched:
            raise InputError(
                "this process is one of several that a launcher started, and each would train by "
                "itself: add {kvstore} dist_sync (train_imagenet.py)"
            )
        return ProcessGroup(kvstore)
    if not launched:
        raise InputError(
            f"{{kvstore}} {kvstore} is for several processes: start them by 'aff launch -n WORKERS "
            "COMMAND' (docs, 'GPUs and machines')"
        )
    for line in process.held:
        line.meet()
    group = DistributedGroup(mx.kv.create(kvstore))
    for line in process.held:
        line.met(f"worker {group.rank} of {group.world_size} {process.where()}")
    return group
