"""The optimizers of a run, as mxnet computes them, and with a gate for float16."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple, Type

import mxnet as mx
import numpy as np

#: Optimizers that count their updates: the first ones are corrected for the moments' start at 0.
COUNTING = ("adamw", "lamb")
#: Those with momentum alone.
WITH_MOMENTUM = ("nag", "sgd")
#: What others add to the root of the mean square; AdaGrad to the sum of squares, under the root.
EPSILONS = {"adamw": 1e-8, "lamb": 1e-6, "adagrad": 1e-7}


class AdamW(mx.optimizer.Optimizer):
    """Adam with decoupled weight decay ("Decoupled Weight Decay Regularization", Loshchilov and
    Hutter, ICLR 2019), in the form of ``torch.optim.AdamW``: decay is in terms of the learning
    rate, ``w -= lr (m' / (sqrt(v') + epsilon) + wd w)`` with m' and v' corrected for their start.
    """

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, **settings):
        super().__init__(**settings)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index, weight):
        return mx.nd.zeros_like(weight), mx.nd.zeros_like(weight)

    def update(self, index, weight, grad, state):
        self._update_count(index)
        count = self._index_update_count[index]
        first = 1 - self.beta1**count
        second = math.sqrt(1 - self.beta2**count)
        mx.nd.contrib.adamw_update(
            weight,
            grad,
            *state,
            rescale_grad=self.rescale_grad,
            lr=second / first,
            eta=self._get_lr(index),
            wd=self._get_wd(index),
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon * second,
            out=weight,
        )


class Gated(mx.optimizer.Optimizer):
    """An optimizer in float32 with master weights, whose step changes nothing on a device where
    gradients were not finite.

    Gradients are those of a loss times a scale, and are divided by it in float32 (in float16 small
    ones would vanish). Updates that change nothing are counted like others.

    Attributes
    ----------
    gates : dict from Context to (NDArray, NDArray)
        Of a step, each device's 1 or 0 for finite gradients or not, once for each index of the
        longest first axis of a parameter, and the scale of its loss, (1,): both float32.
    """

    def __init__(self, **settings):
        super().__init__(multi_precision=True, **settings)
        self.aggregate_num = 0
        self.gates: Dict[mx.Context, Tuple[mx.nd.NDArray, mx.nd.NDArray]] = {}

    def create_state_multi_precision(self, index, weight):
        if weight.dtype != np.float16:
            return self.create_state(index, weight)
        master = weight.astype(np.float32)
        return self.create_state(index, master), master

    def update_multi_precision(self, index, weight, grad, state):
        finite, scale = self.gates[weight.context]
        half = weight.dtype == np.float16
        inner, master = state if half else (state, weight)
        true_grad = mx.nd.broadcast_div(
            grad.astype("float32", copy=False).reshape(-1), scale
        ).reshape(grad.shape)
        keep = finite[: len(weight)]
        # In place, on copies: out of place mxnet's kernel takes another weight's decay.
        later, moved = _copied(inner), master.copy()
        self.update(index, moved, true_grad, later)
        for new, old in zip([moved, *_arrays(later)], [master, *_arrays(inner)]):
            mx.nd.where(keep, new, old, out=old)
        if half:
            mx.nd.cast(master, dtype="float16", out=weight)


def _arrays(state: Any) -> List[mx.nd.NDArray]:
    if state is None:
        return []
    return list(state) if isinstance(state, tuple) else [state]


def _copied(state: Any) -> Any:
    copies = tuple(array.copy() for array in _arrays(state))
    return copies if isinstance(state, tuple) else next(iter(copies), None)


class GatedNAG(Gated, mx.optimizer.NAG):
    """mxnet's `nag`, gated."""


class GatedSGD(Gated, mx.optimizer.SGD):
    """mxnet's `sgd`, gated."""


class GatedAdamW(Gated, AdamW):
    """`AdamW`, gated."""


class GatedLAMB(Gated, mx.optimizer.LAMB):
    """mxnet's `lamb`, gated."""


class GatedAdaGrad(Gated, mx.optimizer.AdaGrad):
    """mxnet's `adagrad`, gated."""


#: By name: the class, and the gated one.
OPTIMIZERS: Dict[str, Tuple[Type, Type]] = {
    "nag": (mx.optimizer.NAG, GatedNAG),
    "sgd": (mx.optimizer.SGD, GatedSGD),
    "adamw": (AdamW, GatedAdamW),
    "lamb": (mx.optimizer.LAMB, GatedLAMB),
    "adagrad": (mx.optimizer.AdaGrad, GatedAdaGrad),
}
