"""Several devices, and several processes over loopback, do what one device does.

They do so of one batch: its targets are fixed here. A loader's are not, where it mixes: as in the
published code an image's partner is one of its own device's, so that one device and four, of the
same seed, train on other mixtures (of the same images by the same weights). Four devices of one
process and two workers with two each train on the same ones (`tests/data/test_mixup.py`).
"""

import subprocess
import sys

import numpy as np
import pytest

import aff
from aff.data.loader import Shard
from aff.distributed.job import create_group
from aff.training.process_group import ProcessGroup

from ..training.helpers import parameters
from .steps import batches, new_trainer


def trained(devices):
    """Parameters and figures of ten steps in one process."""
    trainer = new_trainer(devices=devices)
    parts = list(batches())
    trainer.train_epoch(parts[:5], 0)
    stats = trainer.train_epoch(parts[5:], 1)
    return parameters(trainer), stats


@pytest.fixture(scope="module")
def one():
    return trained(1)


def assert_same(found, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=2e-6, err_msg=name)


@pytest.mark.numeric
def test_four_devices_do_what_one_does(one):
    found, stats = trained(4)
    assert_same(found, one[0])
    assert (stats.loss, stats.metric) == pytest.approx((one[1].loss, one[1].metric), rel=1e-4)


@pytest.mark.slow
@pytest.mark.numeric
def test_two_workers_do_what_one_process_does(one, tmp_path):
    command = [*("-m", "aff", "launch", "-n", "2", "-s", "1", "--"), sys.executable]
    subprocess.run(
        [sys.executable, *command, "-m", "tests.distributed.dist_worker", str(tmp_path)],
        check=True,
        timeout=180,
    )
    workers = [dict(np.load(tmp_path / f"worker-{rank}.npz")) for rank in (0, 1)]
    for found in workers:
        figures = (float(found.pop("loss")), float(found.pop("rmse")))
        assert figures == pytest.approx((one[1].loss, one[1].metric), rel=1e-4)
        assert_same(found, one[0])
    for name, value in workers[0].items():
        np.testing.assert_array_equal(workers[1][name], value, err_msg=name)


def test_the_optimisation_moved_the_parameters(one):
    start = parameters(new_trainer())
    assert max(abs(start[name] - value).max() for name, value in one[0].items()) > 1e-3


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [12, 24, 36])
def test_a_batch_is_shared_out_whole(workers, size):
    shards = [Shard(rank, workers).of_batch(range(size)) for rank in range(workers)]
    assert [index for shard in shards for index in shard] == list(range(size))
    assert {len(shard) for shard in shards} == {size // workers}


@pytest.mark.parametrize("count", [0, 1, 7, 50_000])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_every_image_is_one_workers(count, workers):
    shards = [Shard(rank, workers).of_all(count) for rank in range(workers)]
    assert [place for shard in shards for place in shard] == list(range(count))


def test_a_job_needs_its_launcher(monkeypatch):
    with pytest.raises(aff.InputError, match="kvstore dist_sync .*aff launch"):
        create_group("dist_sync")
    monkeypatch.setenv("DMLC_ROLE", "worker")
    with pytest.raises(aff.InputError, match="one of several .*kvstore dist_sync"):
        create_group("device")


def test_alone():
    group = ProcessGroup("local")
    assert group.is_main_process
    assert group.broadcast({"a": [1, None]}) == {"a": [1, None]}
    assert group.all_reduce([1, 2.5]).tolist() == [1, 2.5]
