"""Targets: one-hot with smoothing, and mixup, in closed form."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
