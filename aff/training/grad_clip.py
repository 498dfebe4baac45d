"""Clipping of gradients by their global norm."""

from __future__ import annotations

from typing import List, Union

import mxnet as mx

from .grad_monitor import squared_norms

#: What PyTorch's `clip_grad_norm_` adds to the norm that it divides by.
EPSILON = 1e-6


def global_norm(arrays: List[mx.nd.NDArray]) -> mx.nd.NDArray:
    """Return the square root of the sum of squares of all arrays (of one device, of any number
    format), (1,) float32; of float16 ones the squares are float32, too.
    """
    return squared_norms([array.astype("float32", copy=False) for array in arrays]).sum().sqrt()


class GradientClipper:
    """Finds what to multiply the gradients of a step by, ``min(1, max_norm / norm)`` of the norm of
    all that is trained; nothing is waited for.

    Gradients whose norm is not finite are left as they are, for those who look for them.

    Parameters
    ----------
    max_norm : float
        Of the mean gradient of a batch.

    Attributes
    ----------
    norm : NDArray or None
        That of the last step, before it was clipped, (1,), on the first device.
    """

    def __init__(self, max_norm: float):
        self.max_norm = max_norm
        self.norm = None

    def factor(
        self, grads: List[mx.nd.NDArray], scale: Union[float, mx.nd.NDArray], device: int
    ) -> mx.nd.NDArray:
        """Return the factor, (1,), for gradients on the device of this number that are `scale`
        times the mean ones.
        """
        norm = global_norm(grads) / scale
        if device == 0:
            self.norm = norm
        factor = mx.nd.minimum(self.max_norm / (norm + EPSILON), 1)
        return mx.nd.where(mx.nd.contrib.isfinite(norm), factor, mx.nd.ones_like(factor))
