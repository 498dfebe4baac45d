"""Evaluation: per sample, every sample once, and ties and NaN do not flatter."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aff.data import EvalLoader
from aff.training.evaluation import evaluate, label_ranks
from aff.utils.errors import RunError


class Brightness(mx.gluon.HybridBlock):
    """Logits that tell the tiny data's classes by their brightness, for all but class 3."""

    def hybrid_forward(self, F, x):
        mean = F.mean(x, axis=(1, 2, 3))
        centres = [90 / 255 / 0.25 - 2, 30 / 255 / 0.25 - 2, 150 / 255 / 0.25 - 2, 9]
        return F.stack(
            *[-F.abs(mean - centre) for centre in (centres[1], centres[0], centres[2], 9)], axis=1
        )


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 64])
@pytest.mark.parametrize("devices", [1, 2, 3])
def test_counts_each_image_once(tiny_data, batch_size, devices):
    found = evaluate(
        Brightness(),
        EvalLoader(tiny_data, tiny_data.test, batch_size),
        [mx.cpu(i) for i in range(devices)],
    )
    assert found.samples == 10
    assert found.top1_wrong == int((tiny_data.test.labels == 3).sum()) == 2
    assert found.top1_error == 0.2
    assert found.top5_error == 0


@given(st.integers(1, 6), st.integers(2, 12), st.integers(0, 99), st.booleans())
def test_ranks_are_those_of_a_stable_sort(n, classes, seed, ties):
    rng = np.random.default_rng(seed)
    logits = (
        rng.integers(0, 3, (n, classes)).astype(float) if ties else rng.normal(size=(n, classes))
    )
    labels = rng.integers(0, classes, n)
    order = np.argsort(-logits, axis=1, kind="stable")
    expected = (order == labels[:, None]).argmax(axis=1)
    np.testing.assert_array_equal(label_ranks(logits, labels), expected)
    np.testing.assert_array_equal(label_ranks(logits, labels) == 0, logits.argmax(axis=1) == labels)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_an_error(bad):
    with pytest.raises(RunError, match="not finite"):
        label_ranks(np.array([[0, bad]]), np.array([1]))


def test_a_sample_that_got_lost_is_an_error(tiny_data):
    class Short(EvalLoader):
        def __iter__(self):
            return iter(list(super().__iter__())[:-1])

    with pytest.raises(RunError, match="evaluated 8 samples of 10"):
        evaluate(Brightness(), Short(tiny_data, tiny_data.test, 4), [mx.cpu()])
