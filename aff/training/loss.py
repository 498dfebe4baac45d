"""What a training step minimises: cross-entropy with targets, or with a teacher's outputs too."""

from __future__ import annotations

from gluoncv.loss import DistillationSoftmaxCrossEntropyLoss
from mxnet import autograd
from mxnet.gluon import HybridBlock
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss


class CrossEntropy:
    """Softmax cross-entropy with targets that are probabilities."""

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
