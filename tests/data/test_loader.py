"""Batches: every image once, the same whatever the threads, a function of seed and epoch."""

import threading
import time

import numpy as np
import pytest

import aff
from aff.data import EvalLoader, TrainLoader
from aff.data.datasets.base import stratified
from aff.data.loader import prefetch

from ..conftest import tiny_split


def collect(batches, epoch):
    return [np.concatenate(parts) for parts in zip(*batches.epoch(epoch))]


@pytest.mark.parametrize("workers", [1, 2, 7, 40])
def test_threads_change_nothing(tiny_data, workers):
    settings = dict(batch_size=5, seed=3, mixup_alpha=1.0, mixup_until=2, smoothing=0.1)
    alone, threaded = (TrainLoader(tiny_data, workers=w, **settings) for w in (0, workers))
    for epoch in range(3):
        for one, other in zip(collect(alone, epoch), collect(threaded, epoch)):
            np.testing.assert_array_equal(one, other)


def test_epochs_and_seeds_differ_and_repeat(tiny_data):
    def first(seed, epoch):
        return next(TrainLoader(tiny_data, 8, seed).epoch(epoch))[0]

    np.testing.assert_array_equal(first(0, 4), first(0, 4))
    assert not np.array_equal(first(0, 4), first(0, 5))
    assert not np.array_equal(first(0, 4), first(1, 4))


def test_an_epoch_takes_each_image_at_most_once(tiny_data):
    plain = TrainLoader(tiny_data, 5, 0)
    assert len(plain) == 4
    _, targets = collect(plain, 0)
    assert targets.shape == (20, 4)
    order = np.random.default_rng([0, 0, 0]).permutation(24)
    np.testing.assert_array_equal(targets.argmax(axis=1), tiny_data.train.labels[order[:20]])


def test_mixup_stops_at_its_epoch(tiny_data):
    batches = TrainLoader(tiny_data, 8, 0, mixup_alpha=1.0, mixup_until=1)
    assert batches.soft_targets
    assert not np.isin(collect(batches, 0)[1], (0, 1)).all()
    assert np.isin(collect(batches, 1)[1], (0, 1)).all()
    assert not TrainLoader(tiny_data, 8, 0, mixup_alpha=1.0, mixup_until=0).soft_targets
    assert TrainLoader(tiny_data, 8, 0, smoothing=0.1).soft_targets


def test_auto_augment_changes_images_and_nothing_else(tiny_data):
    plain, augmented = (
        list(TrainLoader(tiny_data, 8, 0, auto_aug=auto_aug, workers=2).epoch(0))
        for auto_aug in (False, True)
    )
    again = list(TrainLoader(tiny_data, 8, 0, auto_aug=True).epoch(0))
    for (data, targets), (data2, targets2), (data3, _) in zip(plain, augmented, again):
        assert data2.shape == data.shape
        assert (data2 != data).any()
        np.testing.assert_array_equal(targets, targets2)
        np.testing.assert_array_equal(data2, data3)


def test_limit(tiny_data):
    assert len(list(TrainLoader(tiny_data, 5, 0, limit=2).epoch(0))) == 2
    limited = EvalLoader(tiny_data, tiny_data.test, 4, limit=2)
    assert sum(len(labels) for _, labels in limited) == limited.samples == 8
    assert EvalLoader(tiny_data, tiny_data.test, 4, limit=9).samples == 10


def test_a_batch_larger_than_the_data(tiny_data):
    with pytest.raises(
        aff.InputError, match="batch of 25 .* 24 training images of tiny: lower batch_size"
    ):
        TrainLoader(tiny_data, 25, 0)


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("workers", [0, 3])
def test_evaluation_gives_every_image_once_in_order(tiny_data, batch_size, workers):
    batches = EvalLoader(tiny_data, tiny_data.test, batch_size, workers)
    for _ in range(2):
        data, labels = (np.concatenate(parts) for parts in zip(*batches))
        np.testing.assert_array_equal(labels, tiny_data.test.labels)
        np.testing.assert_allclose(data, (tiny_data.test.images / 255 - 0.5) / 0.25, atol=1e-5)


def test_prefetch_is_bounded_and_passes_errors_on():
    made = []

    def make(index):
        made.append(index)
        if index == 5:
            raise ValueError("five")
        return index

    items = prefetch(make, 100, 2)
    assert next(items) == 0
    time.sleep(0.05)
    assert len(made) <= 5
    with pytest.raises(ValueError, match="five"):
        list(items)


def test_prefetch_ends_its_threads_when_left_early():
    before = threading.active_count()
    items = prefetch(lambda index: index, 1000, 4)
    next(items)
    items.close()
    assert threading.active_count() == before


def test_hold_out_is_stratified_disjoint_and_repeatable(tiny_data):
    held = tiny_data.hold_out(0.25)
    assert (len(held.train), len(held.val), len(held.test)) == (16, 8, 10)
    everything = {image.tobytes() for image in tiny_data.train.images}
    parts = [{image.tobytes() for image in split.images} for split in (held.train, held.val)]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == everything
    np.testing.assert_array_equal(held.val.labels, tiny_data.hold_out(0.25).val.labels)
    mask = stratified(np.repeat([0, 1], [100, 10]), 0.1, 0)
    assert (mask[:100].sum(), mask[100:].sum()) == (10, 1)


def test_hold_out_of_nothing(tiny_data):
    with pytest.raises(aff.InputError, match="val_split 0.01 of 24 training images holds out 0"):
        tiny_data.hold_out(0.01)


def test_labels_out_of_range(tiny_data):
    import dataclasses

    bad = tiny_split(6)
    bad.labels[4] = 9
    with pytest.raises(aff.InputError, match="tiny: test label 9 at position 4"):
        dataclasses.replace(tiny_data, test=bad)
