"""The fusions that the paper compares `AFF` and `iAFF` with: Tables 1, 3 and 4.

Each is one choice of what the attention sees (`x + residual`, or the body's output `x` alone), of
its branches (local, global or both; "wide" ones are a single 1x1 convolution of all channels), and
of how its weight w joins the inputs. Shapes are those of :mod:`aff.fusion`.
"""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from .fusion import (
    attention_weight,
    bottleneck,
    global_context,
    local_context,
    reduced,
    register_fusion,
)
from .layers import GlobalAvgPool2D, Normalization, conv, sequential

SK_REDUCTION = 4


def wide(channels: int, norm: Normalization) -> list:
    """1x1 convolution C to C (with bias) and BN."""
    return [conv(channels, channels, use_bias=True), norm(channels)]


def refine(F, weight, x, residual):
    """Refinement, ``residual + w x`` (SENet's row of Table 1)."""
    return F.elemwise_add(residual, F.broadcast_mul(x, weight))


def modulate(F, weight, x, residual):
    """Modulation, ``w residual + x`` (GAU's row of Table 1)."""
    return F.elemwise_add(F.broadcast_mul(residual, weight), x)


def rescale(F, weight, x, residual):
    """The sum scaled as a whole, ``w (x + residual)``."""
    return F.broadcast_mul(F.elemwise_add(x, residual), weight)


def select(F, weight, x, residual):
    """Soft selection, ``2 (w x + (1 - w) residual)``; `weight` may be of one value a channel."""
    difference = F.elemwise_sub(x, residual)
    return 2 * F.elemwise_add(residual, F.broadcast_mul(difference, weight))


class Attentive(HybridBlock):
    """A fusion by one weight: ``join(F, weight(F, z), x, residual)``, z what the attention sees."""

    #: Whether z is ``x + residual``; otherwise it is `x`.
    sees_sum = True
    join = staticmethod(select)

    def weight(self, F, z):
        """The weight, (N, C, H, W) or (N, C, 1, 1), each value in (0, 1)."""
        raise NotImplementedError

    def hybrid_forward(self, F, x, residual):
        z = F.elemwise_add(x, residual) if self.sees_sum else x
        return self.join(F, self.weight(F, z), x, residual)


class _OneBranch(Attentive):
    """A weight from one branch, `attention`."""

    def weight(self, F, z):
        return F.Activation(self.attention(z), act_type="sigmoid")


class _GlobalBranch(Attentive):
    """A weight from the global branch, `global_att`."""

    def weight(self, F, z):
        return F.Activation(self.global_att(z), act_type="sigmoid")


class _TwoBranches(Attentive):
    """A weight from the sum of two branches, `local_att` and `global_att`, which the published code
    calls so whatever they see.
    """

    def weight(self, F, z):
        return attention_weight(F, self.local_att(z), self.global_att(z))


class _WideLocalGlobal(_TwoBranches):
    """Local and global branch, each a single 1x1 convolution of all channels."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = sequential(*wide(channels, norm))
            self.global_att = sequential(GlobalAvgPool2D(), *wide(channels, norm))


@register_fusion("ResGlobCha")
class ResGlobCha(_OneBranch):
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


@register_fusion("ResLocaCha")
class ResLocaCha(_OneBranch):
    """Soft selection by the local context of the sum alone, without a bottleneck."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.attention = sequential(
                *wide(channels, norm), nn.Activation("relu"), *wide(channels, norm)
            )


@register_fusion("ResGlobLocaCha")
class ResGlobLocaCha(_WideLocalGlobal):
    """`AFF` without its bottlenecks: one 1x1 convolution in each branch."""


@register_fusion("ResGlobGlobCha")
class ResGlobGlobCha(_TwoBranches):
    """`AFF` with two global branches (Table 3, "Global + Global")."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = global_context(channels, r, norm)
            self.global_att = global_context(channels, r, norm)


@register_fusion("ResLocaLocaCha")
class ResLocaLocaCha(_TwoBranches):
    """`AFF` with two local branches (Table 3, "Local + Local")."""

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)
            self.global_att = local_context(channels, r, norm)


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
class SKFuse(HybridBlock):
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

    def hybrid_forward(self, F, x, residual):
        logits = self.global_att(F.elemwise_add(x, residual))
        # (N, 2C, 1, 1) to (N, 2, C): the first half of the channels speaks for x.
        shares = F.softmax(F.reshape(logits, (0, 2, self.channels)), axis=1)
        share = F.reshape(F.slice_axis(shares, axis=1, begin=0, end=1), (0, self.channels, 1, 1))
        return select(F, share, x, residual)


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
