"""Which of a network's layers stopped giving finite values: looked at on the device after every
step, read when there is time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..models.parts import is_running_statistic
from .loss_scale import all_finite


def squared_norms(arrays: List[mx.nd.NDArray]) -> mx.nd.NDArray:
    """Sum of squares of each array, (number of arrays,) float32, which is finite where every value
    is (and none beyond 1e19); a fifteenth of the time of `multi_all_finite`.
    """
    return mx.nd.multi_sum_sq(*arrays, num_arrays=len(arrays))


@dataclass
class StepNorms:
    """One step's squared norms, still on the device: of the gradients, and of the statistics of
    each device.
    """

    gradients: mx.nd.NDArray
    statistics: List[mx.nd.NDArray]


class GradientMonitor:
    """Looks at a float32 network's gradients and running statistics.

    Parameters
    ----------
    net : HybridBlock
        The network, initialized.
    """

    def __init__(self, net: HybridBlock):
        parameters: Dict[str, mx.gluon.Parameter] = net._collect_params_with_prefix()
        self._trained = {n: p for n, p in parameters.items() if p.grad_req != "null"}
        self._running = {n: p for n, p in parameters.items() if is_running_statistic(p)}

    def measure(self) -> StepNorms:
        """Return what the step just trained has left; nothing is waited for.

        The first device's gradients are all devices' once they have been summed.
        """
        devices = next(iter(self._trained.values())).list_ctx()
        return StepNorms(
            squared_norms([parameter.list_grad()[0] for parameter in self._trained.values()]),
            [
                squared_norms([parameter.data(device) for parameter in self._running.values()])
                for device in devices
                if self._running
            ],
        )

    def diverged(self, norms: StepNorms) -> bool:
        """Tell whether a step's gradients were not finite; waits for the step.

        A sum of squares is not finite either where a gradient is finite but beyond 1e19. NaN comes
        of NaN or infinity alone; where the sum is infinite, the parameters that the step has
        updated tell: they are finite only if the gradients were.
        """
        sums = norms.gradients.asnumpy()
        if np.isfinite(sums).all():
            return False
        if np.isnan(sums).any():
            return True
        updated = [parameter.list_data()[0] for parameter in self._trained.values()]
        return not all_finite(updated).asscalar()

    def first_bad(self, norms: StepNorms) -> Optional[str]:
        """Return where a step went wrong, in words, or None where all was finite.

        Running statistics tell of the way forward: the first layer whose are not finite was given
        such values. Otherwise it was on the way back, which the layers are gone through in reverse:
        the last one whose gradient is not finite was the first to get it.
        """
        for sums in norms.statistics:
            bad = _not_finite(sums, list(self._running))
            if bad:
                return f"on the way forward, first seen in {bad[0]}"
        bad = _not_finite(norms.gradients, list(self._trained))
        if bad:
            return f"on the way back, first in the gradient of {bad[-1]}"
        return None


def _not_finite(norms: mx.nd.NDArray, names: List[str]) -> List[str]:
    finite = mx.nd.contrib.isfinite(norms).asnumpy()
    return [name for name, good in zip(names, finite) if not good]
