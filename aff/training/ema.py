"""A moving average of a network: of its parameters and of BatchNorm's running statistics."""

from __future__ import annotations

from typing import List

import mxnet as mx
from mxnet import gluon
from mxnet.gluon import HybridBlock

from ..models.parameters import copy_parameters
from .amp import Float32

#: Arrays that one of mxnet's operators takes (its kernels have room for 60).
AT_ONCE = 50


def warmed_up(decay: float, step: int) -> float:
    """Return the decay of a step, counted from 1: the smaller of `decay` and ``1 - step^(-2/3)``,
    so that the first steps count: 0 at the first, 0.9 at step 32, 0.999 at step 31,623.

    This is timm's ``--model-ema-warmup`` with its usual gamma of 1 and power of 2/3.
    """
    return min(decay, 1 - max(step, 1) ** (-2 / 3))


class ModelEma:
    """Keeps the moving average of a network, ``ema += (1 - decay) (value - ema)`` after each step.

    Parameters
    ----------
    net : HybridBlock
        A network of the same architecture and devices, in float32, which becomes the average.
    decay : float
        From 0 to 1; the first steps have a smaller one (`warmed_up`).
    """

    def __init__(self, net: HybridBlock, decay: float):
        self.net, self.decay = net, decay
        for parameter in net.collect_params().values():
            if parameter.grad_req != "null":
                parameter.lr_mult = 0.0  # no running statistic
                parameter.grad_req = "null"

    def start(self, net: HybridBlock) -> None:
        """Begin with the values of a network."""
        copy_parameters(net, self.net)

    def update(
        self, net: HybridBlock, optimizer: gluon.Trainer, precision: Float32, step: int
    ) -> None:
        """Take in the values of a network after so many steps, on every device by itself; nothing
        is waited for.

        Of a float16 network the optimizer's float32 values count: the changes of an average are
        smaller than what float16 can tell apart.
        """
        rate = 1 - warmed_up(self.decay, step)
        pairs = _pairs(net, self.net)
        for index, device in enumerate(optimizer._contexts):
            masters = precision.masters(optimizer, index)
            for start in range(0, len(pairs), AT_ONCE):
                averages, arrays = [], []
                for parameter, average in pairs[start : start + AT_ONCE]:
                    value = masters.get(id(parameter), parameter.data(device))
                    averages.append(average.data(device))
                    arrays += [averages[-1], value.astype("float32", copy=False)]
                count = len(averages)
                # w - lr (g + wd w), of g the value, lr the negative rate and wd -1
                mx.nd.multi_sgd_update(
                    *arrays,
                    lrs=[-rate] * count,
                    wds=[-1.0] * count,
                    num_weights=count,
                    out=averages,
                )


def _pairs(net: HybridBlock, average: HybridBlock) -> List[tuple]:
    """Return each parameter with its average."""
    averages = average._collect_params_with_prefix()
    return [(value, averages[name]) for name, value in net._collect_params_with_prefix().items()]
