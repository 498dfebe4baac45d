"""Features of one, two and three dimensions as the maps that contexts and fusions compute on, and
to one size.

The contexts look at one position at a time, or at the mean over all: to them (N, C, L) is a map of
one row, (N, C, 1, L), and (N, C, D, H, W) one of D H rows, (N, C, DH, W). So one block serves all,
with the parameters of the published one.
"""

from __future__ import annotations

from typing import Dict, Tuple

from mxnet.gluon import HybridBlock

from .native import operator

#: The axes behind N and C, by the number of dimensions.
AXES: Dict[int, str] = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}
#: The shape of a feature's map, as mxnet's reshape has it.
_TO_MAP: Dict[int, Tuple[int, ...]] = {1: (0, 0, 1, -1), 3: (0, 0, -3, 0)}


def to_map(F, z, ndim: int):
    """Take a feature of `ndim` dimensions to its map, (N, C, H, W)."""
    return z if ndim == 2 else F.reshape(z, shape=_TO_MAP[ndim])


def from_map(F, z, like, ndim: int):
    """Take a map back to a feature whose positions are those of `like`, of any width."""
    return z if ndim == 2 else F.reshape_like(z, like, lhs_begin=2, rhs_begin=2)


def resized(F, z, like, channels: int, ndim: int, block: HybridBlock):
    """Bring a feature of so many channels to the size of `like`: linear, bilinear or trilinear
    interpolation between the centres of positions (``align_corners=False``), but, as mxnet has it,
    the first position where one is wanted; of one size already, it stays as it is. `block` is what
    is being computed.

    mxnet's own `BilinearResize2D` takes a lock for every pixel in its backward, and adds as its
    threads come; where the native operator serves, it computes the same in a fixed order.
    """

    def bilinear(z, like):
        if operator.resizes(F, block):
            return operator.resize(F, z, like)
        return F.contrib.BilinearResize2D(z, like, mode="like", align_corners=False)

    if ndim < 3:
        return from_map(F, bilinear(to_map(F, z, ndim), to_map(F, like, ndim)), like, ndim)
    # height and width with the depth among the channels, then the depth with (HW) as the width
    planes = bilinear(F.reshape(z, shape=(0, -3, 0, 0)), F.reshape(like, shape=(0, -3, 0, 0)))
    depths = F.reshape(planes, shape=(0, -4, channels, -1, -3))
    return from_map(F, bilinear(depths, F.reshape(like, shape=(0, 0, 0, -3))), like, ndim)
