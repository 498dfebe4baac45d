"""The losses of pixels: PyTorch's, formulas, finite differences."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from aff.data.mask_file import IGNORED
from aff.training.loss import PIXEL_LOSSES, PixelCrossEntropy, SoftIoU
from aff.training.task import wrong_pixels

CLASSES = 4


def drawn(seed=0, images=3, height=5, width=6):
    """Logits and labels, some of which do not count; of the last image none does."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, CLASSES, height, width)).astype(np.float32)
    labels = rng.integers(0, CLASSES, (images, height, width)).astype(np.float32)
    labels[rng.random(labels.shape) < 0.2] = IGNORED
    labels[-1] = IGNORED
    return logits, labels


def computed(loss, logits, labels):
    """Each image's loss, and the gradient of their sum."""
    x = mx.nd.array(logits)
    x.attach_grad()
    with autograd.record():
        losses = loss(x, mx.nd.array(labels), None)
    losses.backward()
    return losses.asnumpy(), x.grad.asnumpy()


def test_cross_entropy_is_pytorchs_of_each_image():
    torch = pytest.importorskip("torch")
    logits, labels = drawn()
    losses, gradient = computed(PixelCrossEntropy(), logits, labels)
    theirs = torch.tensor(logits, requires_grad=True)
    expected = [
        torch.nn.functional.cross_entropy(
            theirs[index : index + 1],
            torch.tensor(labels[index : index + 1]).long(),
            ignore_index=IGNORED,
        )
        for index in range(2)
    ]
    sum(expected).backward()
    np.testing.assert_allclose(losses[:2], [loss.item() for loss in expected], rtol=1e-5)
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_an_image_of_which_nothing_counts_teaches_nothing(name):
    logits, labels = drawn()
    losses, gradient = computed(PIXEL_LOSSES[name](), logits, labels)
    assert losses[-1] == 0 and not gradient[-1].any()
    assert (losses[:-1] > 0).all() and gradient[:-1].any(axis=(1, 2, 3)).all()


def soft_iou(logits, labels):
    """The formula, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    guess = shifted / shifted.sum(axis=1, keepdims=True)
    losses = []
    for p, y in zip(guess, labels):
        terms = []
        for k in range(CLASSES):
            of, true = p[k][y != IGNORED], (y[y != IGNORED] == k).astype(float)
            both = (of * true).sum()
            terms.append((both + 1) / (of.sum() + true.sum() - both + 1))
        losses.append(1 - np.mean(terms))
    return np.array(losses)


def test_soft_iou_is_its_formula():
    logits, labels = drawn(1)
    losses, gradient = computed(SoftIoU(), logits, labels)
    np.testing.assert_allclose(losses, soft_iou(logits, labels), rtol=1e-5)
    rng = np.random.default_rng(2)
    for place in zip(*(rng.integers(0, side, 20) for side in logits.shape)):
        step = np.zeros(logits.shape)
        step[place] = 1e-4
        rise = (soft_iou(logits + step, labels) - soft_iou(logits - step, labels)).sum() / 2e-4
        assert gradient[place] == pytest.approx(rise, rel=1e-3, abs=1e-6)


def test_of_two_classes_it_is_the_authors_loss_of_one_output():
    """1 - mean (sum p y + 1) / (sum p + sum y - sum p y + 1), p the sigmoid, is its second term."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (2, 2, 4, 4)).astype(np.float32)
    labels = rng.integers(0, 2, (2, 4, 4)).astype(np.float32)
    terms = []
    for sign, true in ((-1, 1 - labels), (1, labels)):
        p = 1 / (1 + np.exp(-sign * (logits[:, 1] - logits[:, 0])))
        both = (p * true).sum(axis=(1, 2))
        terms.append((both + 1) / ((p + true).sum(axis=(1, 2)) - both + 1))
    losses, _ = computed(SoftIoU(), logits, labels)
    np.testing.assert_allclose(losses, 1 - np.mean(terms, axis=0), rtol=1e-5)


def test_training_measures_the_share_of_wrong_pixels():
    logits, labels = drawn(4)
    wrong = (logits.argmax(axis=1) != labels) & (labels != IGNORED)
    shares = wrong[:2].sum(axis=(1, 2)) / (labels[:2] != IGNORED).sum(axis=(1, 2))
    found = wrong_pixels(mx.nd.array(logits), mx.nd.array(labels))
    assert found.asscalar() == pytest.approx(shares.sum(), rel=1e-6)
