"""Predictions image by image, against formulas written out in NumPy and loops."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aff.data import EvalLoader
from aff.training.analysis import BINS, PredictionCollector, Predictions
from aff.training.evaluation import Evaluation, evaluate, label_ranks
from aff.utils.errors import RunError

from .test_evaluation import Brightness


@st.composite
def batches(draw):
    """Logits, with and without ties, and labels."""
    n, classes = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    scale = draw(st.sampled_from([0, 0.1, 3, 100]))
    logits = rng.normal(size=(n, classes)) * scale
    if draw(st.booleans()):
        logits = logits.round()
    return logits.astype(np.float32), rng.integers(0, classes, n)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


@given(batches())
def test_what_is_kept_of_an_image(batch):
    logits, labels = batch
    found, probabilities = Predictions.from_logits(logits, labels), softmax(logits)
    rows = np.arange(len(labels))
    order = np.argsort(-logits, axis=1, kind="stable")
    np.testing.assert_array_equal(found.top, order[:, :5])
    np.testing.assert_array_equal(found.top[:, 0], logits.argmax(axis=1))
    np.testing.assert_array_equal(found.ranks, label_ranks(logits, labels))
    np.testing.assert_array_equal(found.correct, found.ranks == 0)
    np.testing.assert_allclose(
        found.probabilities, np.take_along_axis(probabilities, order[:, :5], 1), rtol=1e-12
    )
    np.testing.assert_allclose(np.exp(found.log_likelihoods), probabilities[rows, labels], 1e-12)


@given(batches())
def test_confusion(batch):
    logits, labels = batch
    classes = logits.shape[1]
    found = Predictions.from_logits(logits, labels)
    expected = np.zeros((classes, classes), int)
    np.add.at(expected, (labels, logits.argmax(axis=1)), 1)
    np.testing.assert_array_equal(found.confusion(classes), expected)
    images, correct = found.per_class(classes)
    np.testing.assert_array_equal(images, expected.sum(axis=1))
    np.testing.assert_array_equal(correct, np.diag(expected))
    off = expected - np.diag(np.diag(expected))
    again = np.zeros_like(off)
    for pair in found.confused():
        again[pair.label, pair.predicted] += pair.images
    np.testing.assert_array_equal(again, off)
    counts = [pair.images for pair in found.confused()]
    assert counts == sorted(counts, reverse=True) and len(counts) == (off > 0).sum()


@given(batches())
def test_calibration(batch):
    logits, labels = batch
    found, probabilities = Predictions.from_logits(logits, labels), softmax(logits)
    confidence, right = found.probabilities[:, 0], logits.argmax(axis=1) == labels
    expected, seen = 0.0, 0
    for number in range(BINS):
        inside = (confidence > number / BINS) & (confidence <= (number + 1) / BINS)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.sum() / len(labels) * gap
            seen += inside.sum()
    assert seen == len(labels)
    assert found.calibration_error == pytest.approx(expected, abs=1e-12)
    own = probabilities[np.arange(len(labels)), labels]
    assert found.negative_log_likelihood == pytest.approx(-np.log(own).mean(), rel=1e-9, abs=1e-12)


def test_mxnets_own_likelihood_agrees():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(300, 20)).astype(np.float32), rng.integers(0, 20, 300)
    metric = mx.metric.NegativeLogLikelihood(eps=0)
    metric.update([mx.nd.array(labels)], [mx.nd.softmax(mx.nd.array(logits))])
    found = Predictions.from_logits(logits, labels)
    assert found.negative_log_likelihood == pytest.approx(metric.get()[1], rel=1e-6)


def test_a_probability_too_small_for_a_float_still_counts():
    found = Predictions.from_logits(np.array([[0, 5000]], np.float32), np.array([0]))
    assert found.negative_log_likelihood == 5000
    assert found.calibration_error == 1


def test_a_range_holds_its_upper_end():
    """Five equal classes have the probability 3/15, the end of the third range."""
    found = Predictions.from_logits(np.zeros((7, 5), np.float32), np.zeros(7, int))
    assert [bin_.images for bin_ in found.bins()] == [0, 0, 7] + [0] * 12
    assert found.calibration_error == pytest.approx(0.8)


@pytest.mark.parametrize("batch_size, devices", [(10, 1), (3, 2), (4, 3), (1, 1)])
def test_batches_and_devices_change_nothing(tiny_data, batch_size, devices):
    collector = PredictionCollector()
    loader = EvalLoader(tiny_data, tiny_data.test, batch_size)
    found = evaluate(Brightness(), loader, [mx.cpu(i) for i in range(devices)], observe=collector)
    predictions = collector.collected(found)
    np.testing.assert_array_equal(predictions.labels, tiny_data.test.labels)
    counts = predictions.confusion(4)
    assert counts.sum() - np.trace(counts) == found.top1_wrong == 2
    assert predictions.top.shape == (10, 4)


@pytest.mark.parametrize("other", [(3, 1, 0), (2, 0, 0), (2, 1, 1)])
def test_sums_that_are_not_the_evaluations_are_an_error(other):
    collector = PredictionCollector()
    collector(np.eye(2, dtype=np.float32), np.array([0, 0]))
    assert len(collector.collected(Evaluation(2, 1, 0))) == 2
    with pytest.raises(RunError, match="sum up to"):
        collector.collected(Evaluation(*other))


def test_logits_that_are_not_finite_are_an_error():
    with pytest.raises(RunError, match="not finite"):
        Predictions.from_logits(np.array([[0, np.nan]]), np.array([0]))
