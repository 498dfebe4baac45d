"""Channel contexts, and how their weight joins two inputs: what the fusions are made of.

The joins are written for mxnet 1.9.1 on a CPU, where time goes into layouts and reductions rather
than arithmetic (:mod:`.forms` says which form runs on a GPU):

- oneDNN keeps (N, C, H, W) in blocks of channels, and every operator of another kind copies its
  inputs back. What is multiplied elementwise is therefore taken to (N, C, HW) once.
- The gradient of a broadcast sums over positions, slowly. A product with ones is the same, by a
  matrix multiplication.
- An operator that ends in a plain layout makes all that follows run there, BatchNorm at a sixth of
  its speed. The last sum is written over a fresh one in oneDNN's own layout.
"""

from __future__ import annotations

from typing import Callable, Tuple

import mxnet as mx
from mxnet.gluon import nn

from ..utils.errors import InputError
from .forms import REFERENCE, Formed, current_form, hooked, keeps_maps
from .layers import GlobalAvgPool2D, Normalization, conv, sequential
from .native import operator


def reduced(channels: int, r: int) -> int:
    """Return channels of a bottleneck, C/r rounded down.

    Raises
    ------
    InputError
        Where none is left.
    """
    if channels < r:
        raise InputError(
            f"a reduction ratio of {r} leaves nothing of {channels} channels: it must not be larger"
        )
    return channels // r


def bottleneck(channels: int, inner: int, out: int, norm: Normalization) -> list:
    """Return 1x1 convolution C to `inner`, BN, relu, 1x1 convolution to `out`, BN; biases as
    published.
    """
    return [
        conv(channels, inner, use_bias=True),
        norm(inner),
        nn.Activation("relu"),
        conv(inner, out, use_bias=True),
        norm(out),
    ]


def local_context(channels: int, r: int, norm: Normalization) -> nn.HybridSequential:
    """Build the local channel context L(Z), equation 2: (N, C, H, W) to (N, C, H, W)."""
    return sequential(*bottleneck(channels, reduced(channels, r), channels, norm))


def global_context(channels: int, r: int, norm: Normalization) -> nn.HybridSequential:
    """Build the global channel context g(Z), equation 1: (N, C, H, W) to (N, C, 1, 1)."""
    return sequential(
        GlobalAvgPool2D(), *bottleneck(channels, reduced(channels, r), channels, norm)
    )


def flat(F, z):
    """Flatten (N, C, H, W) to (N, C, HW), in the form for CPUs; in others it stays as it is."""
    return z if keeps_maps() else F.reshape(z, (0, 0, -1))


def unflat(F, z, like):
    """Take what `flat` gave back to the shape of `like`."""
    return z if keeps_maps() else F.reshape_like(z, like)


def broadcast_positions(F, z, like):
    """Repeat one value a channel at every position: (N, C, 1, 1) to the (N, C, HW) of `like`, which
    is flat and may have other channels.
    """
    if keeps_maps():
        return F.broadcast_add(F.zeros_like(F.slice_axis(like, axis=1, begin=0, end=1)), z)
    ones = F.ones_like(F.slice_axis(like, axis=1, begin=0, end=1))
    return F.batch_dot(F.reshape(z, (0, 0, 1)), ones)


def joint_logits(F, local, pooled):
    """Return L(Z) + g(Z) of equation 3, (N, C, HW), from (N, C, H, W) and (N, C, 1, 1)."""
    if keeps_maps():
        return F.broadcast_add(local, pooled)
    local = flat(F, local)
    return F.elemwise_add(local, broadcast_positions(F, pooled, local))


def weighted(F, logits, z):
    """Return ``w z``, w = sigmoid(logits): (N, C, HW) and (N, C, H, W) to (N, C, H, W)."""
    weight = F.Activation(logits, act_type="sigmoid")
    return unflat(F, F.elemwise_mul(weight, flat(F, z)), z)


def scaled(F, logits, z):
    """Return ``w z``, w = sigmoid(logits) of one value a channel: (N, C, 1, 1) and (N, C, H, W) to
    (N, C, H, W).
    """
    if current_form() == REFERENCE:
        return F.broadcast_mul(F.sigmoid(logits), z)
    return weighted(F, broadcast_positions(F, logits, flat(F, z)), z)


def refine(F, logits, x, residual):
    """Refine, ``residual + w x`` (SENet's row of Table 1)."""
    return F.elemwise_add(residual, weighted(F, logits, x))


def modulate(F, logits, x, residual):
    """Modulation, ``w residual + x`` (GAU's row of Table 1)."""
    return F.elemwise_add(weighted(F, logits, residual), x)


def rescale(F, logits, x, residual):
    """Return the sum scaled as a whole, ``w (x + residual)``."""
    return weighted(F, logits, F.elemwise_add(x, residual))


def select(F, logits, x, residual):
    """Select softly, ``2 (w x + (1 - w) residual)``.

    Computed as ``(x + residual) + tanh(logits / 2) (x - residual)``, which is the same.
    """
    difference = F.elemwise_sub(flat(F, x), flat(F, residual))
    signed = F.Activation(0.5 * logits, act_type="tanh")
    moved = unflat(F, F.elemwise_mul(signed, difference), x)
    return F.elemwise_add(F.add_n(x, residual), moved)


#: What the weight of each way to join is the weight of.
WEIGHS = {select: "the body", refine: "the body", modulate: "the shortcut", rescale: "both"}
JOINS = {join.__name__: join for join in WEIGHS}


class Attentive(Formed):
    """A fusion by one weight w = sigmoid(logits(Z)): ``join(F, logits, x, residual)``.

    A subclass gives `logits`, and where it does not select, its `join`; of a join of its own it
    declares what `weighs`.
    """

    #: Whether Z is ``x + residual``; otherwise it is `x`.
    sees_sum = True
    join = staticmethod(select)
    #: Whether equal weights give the sum of the inputs (the published factor 2), not their mean.
    sums = True
    #: What w is the weight of: ``'the body'`` (`x`; where the fusion selects, the shortcut has the
    #: rest), ``'the shortcut'`` (`residual`) or ``'both'``.
    weighs = WEIGHS[select]

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "join" in own and "weighs" not in own:
            if cls.join not in WEIGHS:
                raise TypeError(
                    f"{cls.__name__}: its join is none of {', '.join(JOINS)}: declare what it "
                    "weighs, 'the body', 'the shortcut' or 'both'"
                )
            cls.weighs = WEIGHS[cls.join]

    def logits(self, F, z):
        """Return the logits of the weight: (N, C, H, W) to (N, C, HW)."""
        raise NotImplementedError

    def steps(self) -> Tuple[Callable, ...]:
        """Return the functions of Z that give logits, ``(F, z)``; behind the first of several, Z is
        what the logits before select.
        """
        return (self.logits,)

    def logits_of(self, F, x, residual):
        """Return the logits of the weight for both inputs."""
        return self.logits(F, F.elemwise_add(x, residual) if self.sees_sum else x)

    def hybrid_forward(self, F, x, residual):
        if self.is_native(F):
            return self.natively(F, x, residual)
        return self.join(F, self.logits_of(F, x, residual), x, residual)

    def is_native(self, F) -> bool:
        """Tell whether `natively` serves; `F` is what `hybrid_forward` was given."""
        return False

    def natively(self, F, x, residual, activate=False):
        """Compute by the native operator, with relu behind it where `activate`."""
        raise NotImplementedError

    def weight(self, x, residual):
        """Return the weight w for these inputs, (N, C, H, W) NDArrays, each value in (0, 1);
        `weighs` says of which.
        """
        weight = mx.nd.sigmoid(self.logits_of(mx.nd, x, residual))
        return weight.reshape(x.shape)


def normalize_and_activate(F, fusion, norm, x):
    """Return ``relu(norm(x))``, by one operator where the fusion, whose like gave `x`, has one: its
    maps are in the plain layout, where mxnet's BatchNorm is slow.
    """
    own = isinstance(fusion, Attentive) and fusion.is_native(F)
    if own and not hooked(norm) and operator.computes(F, [norm], 1):
        return operator.normalize_and_activate(F, norm, x)
    return F.Activation(norm(x), act_type="relu")


def fuse_and_activate(F, fusion, x, residual):
    """Return ``relu(fusion(x, residual))``, by one operator where the fusion has one."""
    if isinstance(fusion, Attentive) and not hooked(fusion) and fusion.is_native(F):
        return fusion.natively(F, x, residual, activate=True)
    return F.Activation(fusion(x, residual), act_type="relu")


class TwoBranches(Attentive):
    """MS-CAM, equation 3: a weight from the sum of a local branch, `local_att`, and a global one,
    `global_att`.
    """

    def logits(self, F, z):
        return joint_logits(F, self.local_att(z), self.global_att(z))
