"""What the distributed tests train, in one process or in several."""

import numpy as np

from aff.data.loader import Shard
from aff.distributed.job import create_group
from aff.training.checkpoint import load_checkpoint, save_checkpoint, share_checkpoint
from aff.training.task import Task

from ..training.helpers import parameters, small_trainer


def batches():
    """Ten batches of 8 images with soft targets, the same everywhere."""
    rng = np.random.default_rng(5)
    for _ in range(10):
        yield (
            rng.normal(size=(8, 3, 16, 16)).astype(np.float32),
            rng.dirichlet(np.ones(4), 8).astype(np.float32),
        )


def new_trainer(group=None, devices=1, seed=0):
    """A trainer whose BatchNorm takes no statistics of the part of a batch that it sees."""
    return small_trainer(
        devices, seed, frozen_bn=True, task=Task(soft_targets=True), group=group, steps=(2, 5)
    )


def work(folder):
    """Do one worker's part: ten steps on its share of each batch, interrupted after five by a
    checkpoint that the main worker alone loads; save what it ends with.
    """
    group = create_group("dist_sync")
    shard = Shard(group.rank, group.world_size)
    parts = [[np.stack(shard.of_batch(list(array))) for array in batch] for batch in batches()]
    trainer = new_trainer(group, seed=group.rank)  # the main worker's parameters count
    trainer.train_epoch(parts[:5], 0)
    if group.is_main_process:
        save_checkpoint(folder, trainer, 1, {})
    trainer.train_epoch(parts[:3], 0)  # to be forgotten
    if group.is_main_process:
        load_checkpoint(f"{folder}/checkpoint-0001", trainer)
    told = share_checkpoint(trainer, {"from": group.rank})
    assert told == {"from": 0}, told
    assert trainer.step == 5, trainer.step
    stats = trainer.train_epoch(parts[5:], 1)
    figures = {"loss": stats.loss, "rmse": stats.metric, **parameters(trainer)}
    np.savez(f"{folder}/worker-{group.rank}.npz", **figures)
