"""The fusions that concatenate: of the inputs (Table 4), or of the contexts (Table 6)."""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from .attention import Attentive, bottleneck, broadcast_positions, flat, reduced
from .fusion import register_fusion
from .layers import GlobalAvgPool2D, Normalization, conv, sequential


@register_fusion("Concat")
class Concat(HybridBlock):
    """Concatenation of both inputs, BN, and a 1x1 convolution (with bias) back to C (Table 4,
    "Concat").
    """

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.fuse = sequential(norm(2 * channels), conv(2 * channels, channels, use_bias=True))

    def hybrid_forward(self, F, x, residual):
        return self.fuse(F.concat(x, residual, dim=1))


class _JointConv(HybridBlock):
    """1x1 convolution of the concatenation of (N, c, H, W) and (N, c, 1, 1), the latter repeated at
    every position: (N, channels, H, W).

    Computed as the sum of a convolution of each, which is the same and less work. (It also keeps
    away from a crash of mxnet 1.9.1: on a CPU the backward of a concatenation below a convolution
    ends the process where c is not a multiple of 8 or 16.)
    """

    def __init__(self, width: int, channels: int):
        super().__init__()
        self._width, self._channels = width, channels
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(channels, 2 * width, 1, 1))
            self.bias = self.params.get("bias", shape=(channels,), init="zeros")

    def hybrid_forward(self, F, local, pooled, weight, bias):
        own, shared = (
            F.slice_axis(weight, axis=1, begin=begin, end=begin + self._width)
            for begin in (0, self._width)
        )
        settings = {"kernel": (1, 1), "num_filter": self._channels}
        local = F.Convolution(local, own, bias, **settings)
        pooled = F.Convolution(pooled, shared, no_bias=True, **settings)
        return F.elemwise_add(
            local, F.reshape_like(broadcast_positions(F, pooled, flat(F, local)), local)
        )


class _ConcatenatedContexts(Attentive):
    """A weight from the concatenation of both contexts and one more 1x1 convolution (`post`)."""

    def __init__(self, channels: int, norm: Normalization, local: list, global_: list, width: int):
        super().__init__()
        with self.name_scope():
            self.local_att = sequential(*local, nn.Activation("relu"))
            self.global_att = sequential(GlobalAvgPool2D(), *global_, nn.Activation("relu"))
            self.post = sequential(_JointConv(width, channels), norm(channels))

    def logits(self, F, z):
        joint, norm = self.post
        return flat(F, norm(joint(self.local_att(z), self.global_att(z))))


@register_fusion("HalfASKCFuse", "Half-AFF")
class HalfASKCFuse(_ConcatenatedContexts):
    """`AFF` whose contexts end at C/r channels and are concatenated (Table 6, "Half-AFF")."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        inner = reduced(channels, r)
        local, global_ = ([conv(channels, inner, use_bias=True), norm(inner)] for _ in range(2))
        super().__init__(channels, norm, local, global_, inner)


@register_fusion("ConcatASKCFuse", "Concat-AFF")
class ConcatASKCFuse(_ConcatenatedContexts):
    """`AFF` whose contexts are concatenated instead of added (Table 6, "Concat-AFF")."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        local, global_ = (
            bottleneck(channels, reduced(channels, r), channels, norm) for _ in range(2)
        )
        super().__init__(channels, norm, local, global_, channels)
