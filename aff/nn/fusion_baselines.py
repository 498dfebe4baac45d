"""The fusions that the paper compares `AFF` and `iAFF` with: Tables 1, 3, 4 and 6.

Each is one choice of what the attention sees (`x + residual`, or the body's output `x` alone), of
its branches (local, global or both; "wide" ones are a single 1x1 convolution of all channels), and
of how its weight w joins the inputs. Shapes are those of :mod:`aff.nn.fusion`.
"""

from __future__ import annotations

import functools

from mxnet.gluon import HybridBlock, nn

from .attention import (
    Attentive,
    TwoBranches,
    bottleneck,
    broadcast_positions,
    flat,
    global_context,
    local_context,
    modulate,
    reduced,
    refine,
    rescale,
    unflat,
)
from .forms import Formed
from .fusion import register_fusion
from .layers import GlobalAvgPool2D, Normalization, conv, sequential

SK_REDUCTION = 4


def wide(channels: int, norm: Normalization) -> list:
    """Return 1x1 convolution C to C (with bias) and BN."""
    return [conv(channels, channels, use_bias=True), norm(channels)]


class _GlobalBranch(Attentive):
    """A weight of one value a channel, from the global branch, `global_att`."""

    def logits(self, F, z):
        return broadcast_positions(F, self.global_att(z), flat(F, z))


class _WideLocalGlobal(TwoBranches):
    """Local and global branch, each a single 1x1 convolution of all channels."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = sequential(*wide(channels, norm))
            self.global_att = sequential(GlobalAvgPool2D(), *wide(channels, norm))


@register_fusion("ResGlobCha")
class ResGlobCha(Attentive):
    """Soft selection by the global context of the sum alone, without a bottleneck."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.attention = sequential(
                GlobalAvgPool2D(),
                *wide(channels, norm),
                nn.Activation("relu"),
                *wide(channels, norm),
            )

    def logits(self, F, z):
        return broadcast_positions(F, self.attention(z), flat(F, z))


@register_fusion("ResLocaCha")
class ResLocaCha(Attentive):
    """Soft selection by the local context of the sum alone, without a bottleneck."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.attention = sequential(
                *wide(channels, norm), nn.Activation("relu"), *wide(channels, norm)
            )

    def logits(self, F, z):
        return flat(F, self.attention(z))


@register_fusion("ResGlobLocaCha")
class ResGlobLocaCha(_WideLocalGlobal):
    """`AFF` without its bottlenecks: one 1x1 convolution in each branch."""


@register_fusion("ResGlobGlobCha")
class ResGlobGlobCha(Attentive):
    """`AFF` with two global branches (Table 3, "Global + Global")."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = global_context(channels, r, norm)
            self.global_att = global_context(channels, r, norm)

    def logits(self, F, z):
        pooled = F.elemwise_add(self.local_att(z), self.global_att(z))
        return broadcast_positions(F, pooled, flat(F, z))


@register_fusion("ResLocaLocaCha")
class ResLocaLocaCha(Attentive):
    """`AFF` with two local branches (Table 3, "Local + Local")."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)
            self.global_att = local_context(channels, r, norm)

    def logits(self, F, z):
        return flat(F, F.elemwise_add(self.local_att(z), self.global_att(z)))


@register_fusion("SEFuse")
class SEFuse(_GlobalBranch):
    """Refinement of the body's output by its own global context (Table 1, SENet)."""

    sees_sum = False
    join = staticmethod(refine)

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.global_att = global_context(channels, r, norm)


@register_fusion("GAUFuse")
class GAUFuse(_GlobalBranch):
    """Modulation of the shortcut by the global context of `x`, one 1x1 convolution (Table 1,
    GAU).
    """

    sees_sum = False
    join = staticmethod(modulate)

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.global_att = sequential(GlobalAvgPool2D(), *wide(channels, norm))


@register_fusion("SKFuse")
class SKFuse(Attentive):
    """Soft selection by a softmax over the two inputs, from the global context of their sum
    (Table 1, SKNet): ``2 (a x + b residual)``, a + b = 1 in each channel.

    Its bottleneck is C/4 whatever `r` is, as published.
    """

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        inner = reduced(channels, SK_REDUCTION)
        self.channels = channels
        with self.name_scope():
            self.global_att = sequential(
                GlobalAvgPool2D(),
                *bottleneck(channels, inner, 2 * channels, norm),
            )

    def logits(self, F, z):
        # A softmax of two is the sigmoid of their difference; the first half speaks for x.
        both = self.global_att(z)
        for_x = F.slice_axis(both, axis=1, begin=0, end=self.channels)
        for_residual = F.slice_axis(both, axis=1, begin=self.channels, end=None)
        return broadcast_positions(F, F.elemwise_sub(for_x, for_residual), flat(F, z))


@register_fusion("XplusAYforY", "MS-SENet")
class XplusAYforY(_WideLocalGlobal):
    """Refinement of the body's output by its own local and global context (Table 4, MS-SENet)."""

    sees_sum = False
    join = staticmethod(refine)


@register_fusion("AYforXplusY", "MS-GAU")
class AYforXplusY(_WideLocalGlobal):
    """Modulation of the shortcut by the body's local and global context (Table 4, MS-GAU)."""

    sees_sum = False
    join = staticmethod(modulate)


@register_fusion("AXYforXplusY", "MS-SA")
class AXYforXplusY(_WideLocalGlobal):
    """Modulation of the shortcut by the local and global context of the sum (Table 4, MS-SA)."""

    join = staticmethod(modulate)


@register_fusion("AXYforXY")
class AXYforXY(_WideLocalGlobal):
    """The sum, scaled by its own local and global context."""

    join = staticmethod(rescale)

    def __init__(self, channels: int, r: int, norm: Normalization, inputs: int = 2):
        super().__init__(channels, r, norm)

    def hybrid_forward(self, F, x, *others):
        *some, last = others
        return super().hybrid_forward(F, functools.reduce(F.elemwise_add, some, x), last)


@register_fusion("Concat")
class Concat(HybridBlock):
    """Concatenation of both inputs, BN, and a 1x1 convolution (with bias) back to C (Table 4,
    "Concat").
    """

    def __init__(self, channels: int, r: int, norm: Normalization, inputs: int = 2):
        super().__init__()
        wide = inputs * channels
        with self.name_scope():
            self.fuse = sequential(norm(wide), conv(wide, channels, use_bias=True))

    def hybrid_forward(self, F, x, *others):
        return self.fuse(F.concat(x, *others, dim=1))


class _JointConv(Formed):
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
            local, unflat(F, broadcast_positions(F, pooled, flat(F, local)), local)
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
