"""Targets: one-hot with smoothing, and mixup, in closed form and as published."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet.gluon.utils import split_data

from aff.data import TrainLoader
from aff.data.loader import Shard
from aff.data.mixup import mixup, one_hot


@given(classes=st.integers(2, 50), eta=st.sampled_from([0.0, 0.1, 0.5]), seed=st.integers(0, 9))
def test_one_hot_is_the_published_smoothing(classes, eta, seed):
    labels = np.random.default_rng(seed).integers(0, classes, 7)
    targets = one_hot(labels, classes, eta)
    expected = np.full((7, classes), eta / classes)
    expected[np.arange(7), labels] = 1 - eta + eta / classes
    np.testing.assert_allclose(targets, expected, rtol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)


def test_mixup_mixes_data_and_targets_alike():
    data, targets = np.arange(6, dtype=np.float32).reshape(3, 2), np.eye(3, dtype=np.float32)
    mixed, mixed_targets = mixup(data, targets, 0.25)
    np.testing.assert_allclose(mixed, 0.25 * data + 0.75 * data[::-1])
    np.testing.assert_allclose(mixed_targets, 0.25 * targets + 0.75 * targets[::-1])
    assert mixed.dtype == mixed_targets.dtype == np.float32
    assert mixup(data, targets, 1)[0] is data


def as_published(data, targets, lam, devices):
    """Each device's share by itself, as `gluon.utils.split_and_load` and the published loop have
    it: mixed with its own reverse.
    """
    shares = split_data(mx.nd.array(data), devices), split_data(mx.nd.array(targets), devices)
    mixed = [[lam * part + (1 - lam) * part[::-1] for part in parts] for parts in shares]
    return [mx.nd.concat(*parts, dim=0).asnumpy() for parts in mixed]


@given(devices=st.sampled_from([1, 2, 3, 4]), lam=st.sampled_from([0.0, 0.25, 0.9]))
def test_each_device_mixes_its_own_share(devices, lam):
    rng = np.random.default_rng(devices)
    data = rng.normal(size=(12, 2, 3, 3)).astype(np.float32)
    targets = one_hot(rng.integers(0, 5, 12), 5, 0.1)
    for mine, theirs in zip(
        mixup(data, targets, lam, devices), as_published(data, targets, lam, devices)
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("workers, devices", [(1, 4), (2, 2), (4, 1)])
def test_a_device_gets_the_same_whoever_it_belongs_to(workers, devices):
    """Four devices of one process, two of two workers, one of four: a batch's shares are the same,
    and so is what each mixes.
    """
    rng = np.random.default_rng(0)
    data, targets = rng.normal(size=(16, 3)).astype(np.float32), np.eye(16, dtype=np.float32)
    whole = mixup(data, targets, 0.25, 4)
    for part, array in enumerate((data, targets)):
        shards = [Shard(rank, workers).of_batch(list(array)) for rank in range(workers)]
        mixed = [mixup(np.stack(s), np.stack(s), 0.25, devices)[part] for s in shards]
        np.testing.assert_array_equal(np.concatenate(mixed), whole[part])


def test_a_loader_mixes_by_device(tiny_data):
    """Nothing but the partners depends on the number of devices; without mixup nothing does."""

    def first(devices, alpha):
        loader = TrainLoader(
            tiny_data, 6, 0, mixup_alpha=alpha, mixup_until=1 if alpha else 0, devices=devices
        )
        return next(iter(loader.epoch(0)))

    for one, three in zip(first(1, 0), first(3, 0)):
        np.testing.assert_array_equal(one, three)
    one, three = first(1, 1.0), first(3, 1.0)
    assert not np.array_equal(one[0], three[0])
    np.testing.assert_allclose(one[0].sum(), three[0].sum(), rtol=1e-3)
    np.testing.assert_allclose(one[1].sum(), three[1].sum(), rtol=1e-6)
