"""One worker of the distributed test: ten steps on its share of each batch, interrupted after five
by a checkpoint that the leading worker alone loads. Run by test_job.py under mxnet's launcher.
"""

import sys

import numpy as np

from aff.data.loader import Shard
from aff.distributed.job import create_group
from aff.training.checkpoint import load_checkpoint, save_checkpoint, share_checkpoint

from ..training.helpers import parameters, small_loop


def batches():
    """Ten batches of 8 images with soft targets, the same everywhere."""
    rng = np.random.default_rng(5)
    for _ in range(10):
        yield (
            rng.normal(size=(8, 3, 16, 16)).astype(np.float32),
            rng.dirichlet(np.ones(4), 8).astype(np.float32),
        )


def new_loop(job=None, devices=1, seed=0):
    """A loop whose BatchNorm takes no statistics of the part of a batch that it sees."""
    return small_loop(devices, seed, frozen_bn=True, soft_targets=True, job=job, steps=(2, 5))


def main(folder):
    """Train, and save what each worker ends with."""
    job = create_group("dist_sync")
    share = Shard(job.rank, job.workers)
    parts = [[np.stack(share.of_batch(list(array))) for array in batch] for batch in batches()]
    loop = new_loop(job, seed=job.rank)  # the leading worker's parameters count
    loop.train_epoch(parts[:5], 0)
    if job.leads:
        save_checkpoint(folder, loop, 1, {})
    loop.train_epoch(parts[:3], 0)  # to be forgotten
    if job.leads:
        load_checkpoint(f"{folder}/checkpoint-0001", loop)
    told = share_checkpoint(loop, {"from": job.rank})
    assert told == {"from": 0}, told
    assert loop.step == 5, loop.step
    stats = loop.train_epoch(parts[5:], 1)
    np.savez(
        f"{folder}/worker-{job.rank}.npz", loss=stats.loss, rmse=stats.metric, **parameters(loop)
    )


if __name__ == "__main__":
    main(sys.argv[1])
