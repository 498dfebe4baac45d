"""The processes that train one network together: one alone, or the workers of a distributed job,
over mxnet's kvstore.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from .. import compat
from ..models.parameters import average_statistics
from ..utils.errors import InputError
from . import process as job_process

KVSTORES = ("device", "local", "dist_sync", "dist_device_sync")
#: Keys of a job's own values in the kvstore; the trainer numbers its parameters from 0.
FIRST_KEY = 10_000_000


class Job:
    """A process that trains by itself.

    Parameters
    ----------
    kvstore : str, default 'device'
        Where the gradients of its devices are summed: ``'device'``, on one of them, or ``'local'``,
        on the CPU.
    """

    rank = 0
    workers = 1

    def __init__(self, kvstore: str = "device"):
        self.kvstore: Any = kvstore

    @property
    def leads(self) -> bool:
        """Whether this is the worker that writes logs and files."""
        return self.rank == 0

    def sum(self, values) -> np.ndarray:
        """Sums of numbers over the workers: (N,) to (N,) float64."""
        return np.asarray(values, np.float64)

    def from_leader(self, value: Any) -> Any:
        """What the leading worker gives here, as JSON keeps it."""
        return value

    def share_state(self, arrays: Dict[str, mx.nd.NDArray]) -> None:
        """Set the values of arrays to the leading worker's."""

    def average(self, net: HybridBlock) -> None:
        """Give all devices of all workers the mean of their running statistics."""
        average_statistics(net)


class DistributedJob(Job):
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
        self.workers = kvstore.num_workers
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

    def sum(self, values) -> np.ndarray:
        values = np.asarray(values, np.float64)
        return self._summed(mx.nd.array(values, dtype="float64")).asnumpy()

    def from_leader(self, value: Any) -> Any:
        text = json.dumps(value).encode() if self.leads else b""
        length = int(self.sum([len(text)])[0])
        content = np.zeros(length, np.float64)
        content[: len(text)] = np.frombuffer(text, np.uint8)
        return json.loads(self.sum(content).astype(np.uint8).tobytes())

    def share_state(self, arrays: Dict[str, mx.nd.NDArray]) -> None:
        for name in sorted(arrays):
            array = arrays[name]
            given = array.as_in_context(mx.cpu()) if self.leads else mx.nd.zeros(array.shape)
            array[:] = self._summed(given.astype(array.dtype))

    def average(self, net: HybridBlock) -> None:
        average_statistics(net)
        for parameter in net.collect_params().values():
            if parameter.grad_req == "null":
                mean = self.sum(parameter.list_data()[0].asnumpy().ravel()) / self.workers
                parameter.set_data(mx.nd.array(mean.reshape(parameter.shape)))


def create_job(kvstore: str) -> Job:
    """The job of this name; waits for the other processes of a distributed one.

    Raises
    ------
    InputError
        Where a distributed job was not started by a launcher, or a launcher's worker is not to take
        part in its job.
    """
    role = compat.job_role()
    if not kvstore.startswith("dist"):
        if role:
            raise InputError(
                "this process is one of several that a launcher started, and each would train by "
                "itself: add --kvstore dist_sync (train_imagenet.py)"
            )
        return Job(kvstore)
    if not role:
        raise InputError(
            f"--kvstore {kvstore} is for several processes: start them by 'aff launch -n WORKERS "
            "COMMAND' (README, 'Several machines')"
        )
    job = DistributedJob(mx.kv.create(kvstore))
    for line in job_process.held:
        line.rename(f"worker {job.rank} of {job.workers} {job_process.where()}")
    return job
