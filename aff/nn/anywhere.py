"""Fusions of what people have: features of one to three dimensions, more than two of them, of other
widths and sizes.

The fusion itself stays the published one: around it, :class:`FeatureFusion` brings its inputs to
one width, one size and to maps; :class:`SoftSelection` is what the soft selections are of more than
two inputs.
"""

from __future__ import annotations

import functools
from typing import List, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from .arguments import check_features
from .attention import Attentive, flat, unflat
from .forms import Compiling, Formed
from .layers import conv, sequential
from .maps import from_map, resized, to_map


class SoftSelection(Formed):
    """Soft selection among K inputs: ``K (w_1 x_1 + ... + w_K x_K)``, w a softmax over the inputs'
    logits at each position and channel; (N, C, H, W) each, and the result.

    Each input but the last has a fusion of its own, whose logits l_k(Z), Z the sum of all inputs,
    are its own; the last one's are zero. Of two inputs that is the published block: ``softmax([l,
    0])`` is ``sigmoid(l)`` and the rest, K the published factor 2. A fusion that is published
    without the factor has none; one that iterates computes Z anew, as the selection by its first
    logits: equation 5 of K inputs.

    Parameters
    ----------
    fusions : sequence of Attentive
        K - 1 fusions of one class, which selects by the sum of its inputs.
    """

    def __init__(self, fusions: Sequence[Attentive]):
        super().__init__()
        self._factor = len(fusions) + 1 if fusions[0].sums else 1
        with self.name_scope():
            self.fusions = sequential(*fusions)

    def hybrid_forward(self, F, first, *others):
        flats = [flat(F, z) for z in (first, *others)]
        weights = self._weights(F, first, others)
        return unflat(F, self._factor * _selected(F, weights, flats), first)

    def _weights(self, F, first, others) -> List:
        flats = [flat(F, z) for z in (first, *others)]
        z = functools.reduce(F.elemwise_add, others, first)
        weights: List = []
        for step in zip(*(fusion.steps() for fusion in self.fusions)):
            if weights:
                z = unflat(F, _selected(F, weights, flats), first)
            logits = [logits_of(F, z) for logits_of in step]
            stacked = F.stack(*logits, F.zeros_like(logits[0]), axis=1)  # (N, K, C, HW)
            soft = F.softmax(stacked, axis=1)
            weights = list(F.split(soft, num_outputs=len(flats), axis=1, squeeze_axis=True))
        return weights

    def weights(self, first, *others) -> List[mx.nd.NDArray]:
        """Return the weight of each input, (N, C, H, W) NDArrays as the inputs: from 0 to 1, and 1
        together.
        """
        return [w.reshape(first.shape) for w in self._weights(mx.nd, first, others)]


def _selected(F, weights: List, flats: List):
    """Return the sum of the inputs, each by its weight."""
    return F.add_n(*(F.elemwise_mul(w, z) for w, z in zip(weights, flats)))


class FeatureFusion(Compiling):
    """A fusion of features of any dimensions, number, widths and sizes; the result has the first
    one's size, and `channels` channels.

    Where `in_channels` says other widths, an input goes through a 1x1 convolution (with bias, and
    nothing behind it); where `resize`, to the first one's size by (bi-, tri-)linear interpolation.

    Parameters
    ----------
    fusion : HybridBlock
        Takes as many maps, of `channels`, as `in_channels` has widths.
    channels, ndim : int
        As of :func:`~aff.create_fusion`.
    in_channels : sequence of int
        Width of each input.
    resize : bool
        Whether inputs may have other sizes than the first.
    """

    def __init__(
        self,
        fusion: HybridBlock,
        channels: int,
        ndim: int,
        in_channels: Sequence[int],
        resize: bool,
    ):
        super().__init__()
        self._channels, self._ndim, self._resize = channels, ndim, resize
        self._in_channels = tuple(in_channels)
        with self.name_scope():
            self.projections = sequential(
                *(
                    sequential(*([conv(own, channels, use_bias=True)] if own != channels else []))
                    for own in in_channels
                )
            )
            self.fusion = fusion

    def forward(self, x, *args):
        check_features((x, *args), self._ndim, self._in_channels, not self._resize)
        return super().forward(x, *args)

    def hybrid_forward(self, F, first, *others):
        maps: List = []
        for z, projection in zip((first, *others), self.projections):
            own = from_map(F, projection(to_map(F, z, self._ndim)), z, self._ndim)
            if self._resize and maps:
                own = resized(F, own, first, self._channels, self._ndim, self)
            maps.append(to_map(F, own, self._ndim))
        return from_map(F, self.fusion(*maps), first, self._ndim)
