"""How long training steps of feature pyramids take, their maps resized by the native operator and
by mxnet's, in turns.

python benchmarks/resizing.py
"""

import statistics
import time
from unittest import mock

import aff  # isort: skip  (before mxnet)

import mxnet as mx
from mxnet import autograd, gluon

from aff.nn.native import operator
from aff.training.loss import PixelCrossEntropy

#: Network, pixels of a side, images of a batch, rounds.
CASES = (("fpn_cifar_resnet14_askc", 64, 16, 25), ("fpn_resnet50_v1b_askc", 256, 4, 5))
CLASSES = 11


def training_step(name, size, images):
    """A function that takes one step; its graph is made here."""
    net = aff.get_model(name, fusion="AFF", classes=CLASSES)
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    loss, trainer = PixelCrossEntropy(), gluon.Trainer(net.collect_params(), "adam")
    data = mx.nd.random.normal(shape=(images, 3, size, size))
    labels = mx.nd.zeros((images, size, size))

    def step():
        with autograd.record():
            value = loss(net(data), labels, None).mean()
        value.backward()
        trainer.step(1)
        mx.nd.waitall()

    for _ in range(2):
        step()
    return step


def main():
    """Print the medians in milliseconds, and their ratio."""
    for name, size, images, rounds in CASES:
        steps = [training_step(name, size, images)]
        with mock.patch.object(operator, "resizes", lambda F, block: False):
            steps.append(training_step(name, size, images))
        times = [[], []]
        for _ in range(rounds):
            for taken, step in zip(times, steps):
                start = time.perf_counter()
                step()
                taken.append(1000 * (time.perf_counter() - start))
        ours, theirs = map(statistics.median, times)
        print(f"{name}: {ours:.0f} ms, by mxnet's {theirs:.0f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
