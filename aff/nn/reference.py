"""Every fusion as its formula reads: what a faster form has to equal.

A formula here is written once in Gluon operators, one operator for each sign, over the same
parameters as the fusion in :mod:`.fusion` or :mod:`.fusion_baselines` that computes it faster.
It is read beside the paper, measured against, and held against each faster form, forward and
backward.

Which form runs where: the fast Gluon form runs everywhere; the reference form runs only where it is
asked for, by :class:`ReferenceFusion` or :func:`make_literal`: for tests, for ``NAME:literal`` in
`aff bench`, for exports.

Numbers of equations and tables are those of arXiv 2009.14082v2. `x` is the body's output and
`residual` the shortcut's (Table 1 calls the body Y and the shortcut X); both, and what a formula
gives, are (N, C, H, W). `block` holds the fusion's branches under their published names.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from mxnet.gluon import HybridBlock, nn

from ..utils.errors import InputError
from . import fusion_baselines  # noqa: F401  (they register their fusions)
from .fusion import _FUSIONS
from .fusion_baselines import _JointConv
from .layers import GlobalAvgPool2D, sequential

#: ``formula(F, block, x, residual)``; `F` is `mx.nd` or `mx.sym`.
Formula = Callable[[Any, HybridBlock, Any, Any], Any]


def ms_cam(F, block, z):
    """Compute M(Z) = sigmoid(L(Z) + g(Z)), equation 3, broadcasting whichever branch is global."""
    return F.sigmoid(F.broadcast_add(block.local_att(z), block.global_att(z)))


def convex(F, w, x, residual):
    """Compute ``w x + (1 - w) residual``, the soft selection of equations 4 and 5."""
    return F.broadcast_add(F.broadcast_mul(w, x), F.broadcast_mul(1 - w, residual))


def addition(F, block, x, residual):
    """Compute ``x + residual`` (Table 1, addition)."""
    return F.elemwise_add(x, residual)


def concatenation(F, block, x, residual):
    """Compute ``fuse([x, residual])`` (Table 1, concatenation; Table 4, Concat)."""
    return block.fuse(F.concat(x, residual, dim=1))


def aff(F, block, x, residual):
    """Compute ``2 (w x + (1 - w) residual)``, w = M(x + residual): equation 4, with the factor of
    the published code. Table 3 has it with two global and with two local branches.
    """
    w = ms_cam(F, block, F.broadcast_add(x, residual))
    return 2 * convex(F, w, x, residual)


def iaff(F, block, x, residual):
    """Compute ``w x + (1 - w) residual``, w = M2(U), where U is the same with w = M1(x + residual):
    equation 5, as published without a factor.
    """
    w = ms_cam(F, block, F.broadcast_add(x, residual))
    u = convex(F, w, x, residual)
    w = F.sigmoid(F.broadcast_add(block.local_att2(u), block.global_att2(u)))
    return convex(F, w, x, residual)


def one_context(F, block, x, residual):
    """Compute ``2 (w x + (1 - w) residual)``, w = sigmoid(attention(x + residual)): equation 4 by
    one context alone, as the published code has it.
    """
    w = F.sigmoid(block.attention(F.broadcast_add(x, residual)))
    return 2 * convex(F, w, x, residual)


def senet(F, block, x, residual):
    """Compute ``residual + w x``, w = sigmoid(g(x)) (Table 1, SENet's refinement)."""
    w = F.sigmoid(block.global_att(x))
    return F.broadcast_add(residual, F.broadcast_mul(w, x))


def gau(F, block, x, residual):
    """Compute ``w residual + x``, w = sigmoid(g(x)) (Table 1, GAU's modulation)."""
    w = F.sigmoid(block.global_att(x))
    return F.broadcast_add(F.broadcast_mul(w, residual), x)


def sknet(F, block, x, residual):
    """Compute ``2 (a x + b residual)``, a and b a softmax over the two halves of the 2C channels of
    g(x + residual) (Table 1, SKNet's soft selection, with the factor of the published code).
    """
    logits = block.global_att(F.broadcast_add(x, residual))
    weights = F.softmax(F.reshape(logits, (0, 2, -1, 1, 1)), axis=1)  # (N, 2, C, 1, 1)
    a, b = F.split(weights, num_outputs=2, axis=1, squeeze_axis=True)
    return 2 * F.broadcast_add(F.broadcast_mul(a, x), F.broadcast_mul(b, residual))


def ms_senet(F, block, x, residual):
    """Compute ``residual + w x``, w = M(x) (Table 4, MS-SENet)."""
    return F.broadcast_add(residual, F.broadcast_mul(ms_cam(F, block, x), x))


def ms_gau(F, block, x, residual):
    """Compute ``w residual + x``, w = M(x) (Table 4, MS-GAU)."""
    return F.broadcast_add(F.broadcast_mul(ms_cam(F, block, x), residual), x)


def ms_sa(F, block, x, residual):
    """Compute ``w residual + x``, w = M(x + residual) (Table 4, MS-SA)."""
    w = ms_cam(F, block, F.broadcast_add(x, residual))
    return F.broadcast_add(F.broadcast_mul(w, residual), x)


def scaled_sum(F, block, x, residual):
    """Compute ``w (x + residual)``, w = M(x + residual), which only the published code has."""
    z = F.broadcast_add(x, residual)
    return F.broadcast_mul(ms_cam(F, block, z), z)


def concatenated_contexts(F, block, x, residual):
    """Compute ``2 (w x + (1 - w) residual)``, w = sigmoid(post([L(Z), g(Z)])), Z = x + residual and
    g(Z) repeated at every position (Table 6, Half-AFF and Concat-AFF).

    The concatenation is a stack whose two axes of channels are then made one. ``F.concat`` is the
    same, but below a convolution its backward ends the process, or fails, in mxnet 1.9.1 on a CPU
    where c is for instance 4 or 12.
    """
    z = F.broadcast_add(x, residual)
    local = block.local_att(z)
    pooled = F.broadcast_like(block.global_att(z), local)
    both = F.reshape(F.stack(local, pooled, axis=1), (0, -3, 0, 0))  # (N, 2c, H, W)
    return 2 * convex(F, F.sigmoid(block.post(both)), x, residual)


#: The formula of each fusion, by its published name.
REFERENCE: Dict[str, Formula] = {
    "DirectAdd": addition,
    "Concat": concatenation,
    "ASKCFuse": aff,
    "ResGlobLocaforGlobLocaCha": iaff,
    "ResGlobCha": one_context,
    "ResLocaCha": one_context,
    "ResGlobLocaCha": aff,
    "ResGlobGlobCha": aff,
    "ResLocaLocaCha": aff,
    "SEFuse": senet,
    "GAUFuse": gau,
    "SKFuse": sknet,
    "XplusAYforY": ms_senet,
    "AYforXplusY": ms_gau,
    "AXYforXplusY": ms_sa,
    "AXYforXY": scaled_sum,
    "HalfASKCFuse": concatenated_contexts,
    "ConcatASKCFuse": concatenated_contexts,
}


def formula_of(block: HybridBlock) -> Optional[Formula]:
    """Look up the formula of a fusion block; None for a block that has none here."""
    names = (name for name, cls in _FUSIONS.items() if type(block) is cls)
    return REFERENCE.get(next(names, ""))


def _gluon_layer(layer: HybridBlock) -> HybridBlock:
    """Give the layer of Gluon's own that `layer` computes faster, over the same parameters."""
    if isinstance(layer, GlobalAvgPool2D):
        return nn.GlobalAvgPool2D()
    if isinstance(layer, _JointConv):
        channels, inputs = layer.weight.shape[:2]
        return nn.Conv2D(channels, 1, in_channels=inputs, params=layer.params)
    return layer


class ReferenceFusion(HybridBlock):
    """Compute a fusion by its formula, with the parameters that it has: what is trained in one of
    the two is trained in the other, and both have the same names for them.

    Parameters
    ----------
    fusion : HybridBlock
        A fusion as `create_fusion` gives it.

    Raises
    ------
    InputError
        For a block that has no formula in `REFERENCE`.
    """

    def __init__(self, fusion: HybridBlock):
        super().__init__()
        formula = formula_of(fusion)
        if formula is None:
            raise InputError(
                f"{type(fusion).__name__} has no reference formula: write it into "
                "aff.nn.reference.REFERENCE"
            )
        self.formula = formula
        for name, branch in fusion._children.items():
            setattr(self, name, sequential(*map(_gluon_layer, branch)))

    def hybrid_forward(self, F, x, residual):
        return self.formula(F, self, x, residual)


def make_literal(net: HybridBlock) -> int:
    """Compute a network's fusions by their formulas, with the parameters that they have.

    Parameters
    ----------
    net : HybridBlock
        Its fusions are the `attention` of its blocks, at any depth. It is changed; where it is
        hybridized, its next call compiles it anew.

    Returns
    -------
    int
        How many fusions have a formula, and are computed by it from now on.
    """
    count = 0
    for block in list(net._children.values()):
        count += make_literal(block)
        fusion = getattr(block, "attention", None)
        if isinstance(fusion, HybridBlock) and formula_of(fusion):
            del block.attention  # Gluon does not let an attribute change its type
            block.attention = ReferenceFusion(fusion)
            count += 1
    if count:
        net._clear_cached_op()
    return count
