"""What a training step minimises: cross-entropy with targets, or with a teacher's outputs too; of
pixels cross-entropy, or the soft intersection over union.
"""

from __future__ import annotations

from typing import Callable, Dict

import mxnet as mx
from gluoncv.loss import DistillationSoftmaxCrossEntropyLoss
from mxnet import autograd
from mxnet.gluon import HybridBlock
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

from ..data.mask_file import IGNORED


class CrossEntropy:
    """Softmax cross-entropy with targets that are probabilities.

    Attributes
    ----------
    is_cross_entropy : bool
        Whether equal probabilities for K classes have the loss ln K, whatever the targets.
    """

    is_cross_entropy = True

    def __init__(self):
        self._loss = SoftmaxCrossEntropyLoss(sparse_label=False)

    def __call__(self, outputs, targets, data):
        """Return the loss of each sample, (N,), of logits (N, K) in float32 and targets (N, K);
        `data` is what the network was given.
        """
        return self._loss(outputs, targets)


class Distillation(CrossEntropy):
    """Knowledge distillation (Hinton et al., 2015): ``h CE(z, y) + (1 - h) T^2 CE(z / T, q)``.

    z are the network's logits, y the targets, and q the softmax of the teacher's logits over T.

    Parameters
    ----------
    teacher : HybridBlock
        On the same devices and of the same number format as the network, (N, 3, H, W) to (N, K).
    temperature : float
        T.
    hard_weight : float
        h, from 0 to 1.
    """

    is_cross_entropy = False

    def __init__(self, teacher: HybridBlock, temperature: float, hard_weight: float):
        super().__init__()
        self.teacher, self.temperature = teacher, temperature
        self._distilled = DistillationSoftmaxCrossEntropyLoss(
            temperature, hard_weight, sparse_label=False
        )

    def __call__(self, outputs, targets, data):
        with autograd.pause(train_mode=False):
            logits = self.teacher(data).astype("float32", copy=False)
            soft = (logits / self.temperature).softmax(axis=1)
        return self._distilled(outputs, targets, soft)


class PixelCrossEntropy(CrossEntropy):
    """Softmax cross-entropy of pixels: of each image the mean over those that count, 0 where none
    does. (N, K, H, W) logits and (N, H, W) labels, 255 where a pixel does not count, to (N,).
    """

    def __call__(self, outputs, targets, data):
        counted = targets != IGNORED
        own = outputs.log_softmax(axis=1).pick(targets, axis=1) * counted
        return -own.sum(axis=(1, 2)) / mx.nd.maximum(counted.sum(axis=(1, 2)), 1)


class SoftIoU(CrossEntropy):
    """One minus the soft intersection over union, for objects that are small beside the background:
    of each image ``1 - 1/K sum_k (sum p_k y_k + 1) / (sum (p_k + y_k - p_k y_k) + 1)``.

    The inner sums are over the pixels that count, p is the softmax of the logits and y the one-hot
    label. Of two classes, the second's p is the sigmoid that the authors' loss for small infrared
    targets takes (their one class has one output); here the background is a class like others.
    (N, K, H, W) logits and (N, H, W) labels, 255 where a pixel does not count, to (N,).
    """

    is_cross_entropy = False

    def __call__(self, outputs, targets, data):
        truth = targets.one_hot(outputs.shape[1]).transpose((0, 3, 1, 2))  # of 255 all zeros
        guess = outputs.softmax(axis=1) * (targets != IGNORED).expand_dims(1)
        both = (guess * truth).sum(axis=(2, 3))
        either = guess.sum(axis=(2, 3)) + truth.sum(axis=(2, 3)) - both
        return 1 - ((both + 1) / (either + 1)).mean(axis=1)


#: Losses of pixels, by name.
PIXEL_LOSSES: Dict[str, Callable[[], CrossEntropy]] = {
    "ce": PixelCrossEntropy,
    "soft-iou": SoftIoU,
}
