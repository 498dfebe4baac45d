"""AFF and iAFF as their formulas read in Gluon, to measure ours against: the same parameters and
outputs, one operator for each sign.
"""

from __future__ import annotations

from typing import Callable, Dict

from mxnet.gluon import HybridBlock, nn

from .fusion import AFF, IAFF
from .layers import sequential


def _pooled(branch: HybridBlock) -> nn.HybridSequential:
    """A global branch, its pooling replaced by Gluon's."""
    return sequential(nn.GlobalAvgPool2D(), *list(branch._children.values())[1:])


def _weight(F, local, pooled):
    return F.sigmoid(F.broadcast_add(local, pooled))


def _select(F, weight, x, residual):
    return F.broadcast_mul(x, weight) + F.broadcast_mul(residual, 1 - weight)


class LiteralAFF(AFF):
    """Equation 4 with the published factor, over the branches of `fusion`."""

    def __init__(self, fusion: AFF):
        HybridBlock.__init__(self)
        self.local_att = fusion.local_att
        self.global_att = _pooled(fusion.global_att)

    def hybrid_forward(self, F, x, residual):
        initial = F.broadcast_add(x, residual)
        weight = _weight(F, self.local_att(initial), self.global_att(initial))
        return 2 * _select(F, weight, x, residual)


class LiteralIAFF(IAFF):
    """Equation 5 over the branches of `fusion`."""

    def __init__(self, fusion: IAFF):
        HybridBlock.__init__(self)
        self.local_att, self.local_att2 = fusion.local_att, fusion.local_att2
        self.global_att, self.global_att2 = _pooled(fusion.global_att), _pooled(fusion.global_att2)

    def hybrid_forward(self, F, x, residual):
        initial = F.broadcast_add(x, residual)
        weight = _weight(F, self.local_att(initial), self.global_att(initial))
        refined = _select(F, weight, x, residual)
        weight = _weight(F, self.local_att2(refined), self.global_att2(refined))
        return _select(F, weight, x, residual)


LITERAL: Dict[type, Callable[..., HybridBlock]] = {AFF: LiteralAFF, IAFF: LiteralIAFF}


def make_literal(net: HybridBlock) -> int:
    """Compute a network's AFF and iAFF fusions by their formulas, with the parameters that they
    have; how many there were.
    """
    count = 0
    for block in list(net._children.values()):
        count += make_literal(block)
        fusion = getattr(block, "attention", None)
        if type(fusion) in LITERAL:
            block.attention = LITERAL[type(fusion)](fusion)
            count += 1
    return count
