"""Layers that several modules share: global pooling, normalisation and convolutions."""

from __future__ import annotations

import inspect
from typing import Callable, Optional

from mxnet.gluon import HybridBlock, nn

from ..utils.errors import InputError, unknown
from .forms import Formed, keeps_maps

NormLayer = Callable[..., HybridBlock]


class GlobalAvgPool2D(Formed):
    """Mean over height and width: (N, C, H, W) to (N, C, 1, 1).

    The same function as `mxnet.gluon.nn.GlobalAvgPool2D`, on a CPU on another operator: the
    backward of that one takes a quarter to a half of an AFF training step there (18 times this
    one's, 128x16x28x28, 2 threads). On a GPU this one would sum in half precision.
    """

    def hybrid_forward(self, F, x):
        if keeps_maps():
            return F.Pooling(x, kernel=(1, 1), pool_type="avg", global_pool=True)
        return F.contrib.AdaptiveAvgPooling2D(x, output_size=1)


class Normalization:
    """A choice of normalisation layer with its settings; calling it with a channel count builds
    one.

    Parameters
    ----------
    layer : callable, default `mxnet.gluon.nn.BatchNorm`
        Takes `kwargs`, and where it has it ``in_channels``, e.g.
        `mxnet.gluon.contrib.nn.SyncBatchNorm`.
    kwargs : dict, optional
        Further arguments of `layer`.

    Raises
    ------
    InputError
        For a layer that is none, or arguments that it does not have.
    """

    def __init__(self, layer: Optional[NormLayer] = None, kwargs: Optional[dict] = None):
        self.layer = layer or nn.BatchNorm
        self.kwargs = kwargs or {}
        if not callable(self.layer):
            raise InputError(f"norm_layer must be a layer's class, got {layer!r}")
        if not isinstance(self.kwargs, dict):
            raise InputError(f"norm_kwargs must be a dict, got {kwargs!r}")
        try:
            parameters = inspect.signature(self.layer).parameters.values()
        except ValueError as error:
            raise InputError(f"norm_layer must be a layer's class, got {layer!r}") from error
        named = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
        #: Gluon's GroupNorm sees the channels in its first input.
        self._takes_channels = "in_channels" in named or len(named) < len(parameters)
        takes_any = not isinstance(self.layer, type) and len(named) < len(parameters)
        for argument in self.kwargs:
            if argument not in named and not takes_any:
                raise unknown("argument in norm_kwargs", argument, named)

    def __call__(self, channels: int, **kwargs) -> HybridBlock:
        own = {"in_channels": channels} if self._takes_channels else {}
        return self.layer(**{**own, **self.kwargs, **kwargs})


def conv(
    in_channels: int,
    channels: int,
    kernel: int = 1,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = False,
) -> nn.Conv2D:
    """Return a convolution that keeps the size (up to its stride), without bias: the backbones'
    kind.
    """
    return nn.Conv2D(
        channels,
        kernel,
        strides,
        padding=kernel // 2,
        groups=groups,
        use_bias=use_bias,
        in_channels=in_channels,
    )


def sequential(*blocks: HybridBlock) -> nn.HybridSequential:
    """Return the blocks one after another; none of them gives the identity."""
    result = nn.HybridSequential()
    result.add(*blocks)
    return result
