"""Evaluation of pixels: counts, the scores made of them, and what is refused."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.data.mask_file import IGNORED
from aff.training.analysis import confusions
from aff.training.pixel_evaluation import PixelEvaluation, evaluate_pixels
from aff.training.process_group import ProcessGroup
from aff.utils.errors import RunError

CLASSES = 4


class Given:
    """Batches of images whose network is `said`: the data are its logits."""

    def __init__(self, batches):
        self.batches = batches
        self.samples_of_all = sum(len(labels) for _, labels in batches)

    def __iter__(self):
        return iter(self.batches)


def said(x):
    return x


def drawn(sizes=((2, 5, 7), (1, 4, 4), (3, 2, 3)), seed=0):
    rng = np.random.default_rng(seed)
    batches = []
    for images, height, width in sizes:
        logits = rng.normal(0, 1, (images, CLASSES, height, width)).astype(np.float32)
        labels = rng.integers(0, CLASSES - 1, (images, height, width)).astype(np.int32)
        labels[rng.random(labels.shape) < 0.1] = IGNORED
        batches.append((logits, labels))
    return batches


def counted(batches):
    """Counts, pixel by pixel."""
    counts = np.zeros((CLASSES, CLASSES), int)
    for logits, labels in batches:
        for true, taken in zip(labels.ravel(), logits.argmax(axis=1).ravel()):
            if true != IGNORED:
                counts[true, taken] += 1
    return counts


@pytest.mark.parametrize("devices", [1, 2])
def test_every_pixel_that_counts_is_counted_once(devices):
    batches = drawn()
    found = evaluate_pixels(said, Given(batches), [mx.cpu(i) for i in range(devices)])
    counts = counted(batches)
    np.testing.assert_array_equal(found.counts, counts)
    assert found.counts.dtype == np.int64 and found.samples == 6
    assert found.pixels == counts.sum()
    assert found.pixel_error == pytest.approx(1 - np.trace(counts) / counts.sum())
    labels = np.concatenate([labels.ravel() for _, labels in batches])
    taken = np.concatenate([logits.argmax(axis=1).ravel() for logits, _ in batches])
    taken = taken[labels != IGNORED]
    labels = labels[labels != IGNORED]
    iou = [
        ((labels == k) & (taken == k)).sum() / ((labels == k) | (taken == k)).sum()
        for k in range(CLASSES)
    ]
    assert iou[-1] == 0  # no label, but some pixels are taken for it
    np.testing.assert_allclose(found.class_iou, iou)
    assert found.miou == pytest.approx(np.mean(iou))


def test_classes_that_do_not_occur_do_not_count():
    counts = np.zeros((3, 3), np.int64)
    counts[0, 0], counts[1, 0], counts[1, 1] = 6, 1, 3
    found = PixelEvaluation(1, counts)
    assert found.class_iou[:2] == pytest.approx([6 / 7, 3 / 4]) and np.isnan(found.class_iou[2])
    assert found.miou == pytest.approx((6 / 7 + 3 / 4) / 2)
    assert confusions(counts) == [(1, 0, 1)]


class Summing(ProcessGroup):
    """Sums what it is given with what another process gave, in the order of the calls."""

    def __init__(self, other=None):
        super().__init__()
        self.other, self.given = list(other or []), []

    def all_reduce(self, values):
        own = super().all_reduce(values)
        self.given.append(own)
        return own + self.other.pop(0) if self.other else own


def test_processes_sum_what_they_counted():
    batches = drawn()
    whole = Given(batches)
    parts = [Given(batches[:1]), Given(batches[1:]), Given([])]
    for part in parts:
        part.samples_of_all = whole.samples_of_all
    for first, second in ((0, 1), (1, 0)):
        alone = Summing()
        with pytest.raises(RunError, match="of 6"):
            evaluate_pixels(said, parts[first], [mx.cpu()], group=alone)
        found = evaluate_pixels(said, parts[second], [mx.cpu()], group=Summing(alone.given))
        np.testing.assert_array_equal(found.counts, counted(batches))
    everything = Summing()
    evaluate_pixels(said, whole, [mx.cpu()], group=everything)
    idle = evaluate_pixels(said, parts[2], [mx.cpu()], group=Summing(everything.given))
    np.testing.assert_array_equal(idle.counts, counted(batches))


def test_what_cannot_be_counted_is_refused():
    logits, labels = drawn()[0]
    with pytest.raises(aff.InputError, match="label 9"):
        evaluate_pixels(said, Given([(logits, np.full_like(labels, 9))]), [mx.cpu()])
    with pytest.raises(RunError, match="255"):
        evaluate_pixels(said, Given([(logits, np.full_like(labels, IGNORED))]), [mx.cpu()])
    logits[0, 0, 0, 0] = np.nan
    with pytest.raises(RunError, match="not finite"):
        evaluate_pixels(said, Given([(logits, labels)]), [mx.cpu()])
