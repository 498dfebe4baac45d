"""Networks as runs and evaluations use them: on all devices, in their number format, compiled."""

from __future__ import annotations

from typing import Any, Dict, Sequence

import mxnet as mx
from mxnet import Context
from mxnet.gluon import HybridBlock

from ..models.inference import optimize_for_inference
from ..models.registry import build_network
from .amp import Float32
from .config import TrainConfig


def hybridize(net: HybridBlock) -> None:
    """Compile a network, its memory allocated once.

    Not with ``static_shape``: mxnet 1.9.1 then updates BatchNorm's running statistics behind the
    engine's back, and whoever reads them next (an evaluation, a checkpoint) may get the values of a
    step before.
    """
    net.hybridize(static_alloc=True)


def make_ready(net: HybridBlock, precision: Float32, mode: str) -> HybridBlock:
    """Put a network into its number format, and compile it where that is its mode; gives it."""
    precision.cast(net)
    if mode == "hybrid":
        hybridize(net)
    return net


def create_network(
    name: str,
    kwargs: Dict[str, Any],
    devices: Sequence[Context],
    precision: Float32,
    mode: str = "hybrid",
) -> HybridBlock:
    """Create a network, initialized on all devices and ready to train in its number format."""
    return make_ready(build_network(name, ctx=list(devices), **kwargs), precision, mode)


def network_for(config: TrainConfig, devices: Sequence[Context], precision: Float32) -> HybridBlock:
    """Create the network of a run, initialized from its seed."""
    mx.random.seed(config.seed)
    return create_network(config.model, config.model_kwargs, devices, precision, config.mode)


def make_ready_to_infer(
    net: HybridBlock, devices: Sequence[Context], precision: Float32, mode: str
) -> HybridBlock:
    """Make a network with its parameters ready for inference: ``'optimized'`` on one CPU device,
    and elsewhere compiled.
    """
    if mode == "optimized" and len(devices) == 1 and devices[0].device_type == "cpu":
        return optimize_for_inference(net)
    return make_ready(net, precision, "hybrid" if mode == "optimized" else mode)
