"""The way from the coarsest map of a backbone to the finest, joined with each on the way by a
fusion: what feature pyramids and U-Nets share.
"""

from __future__ import annotations

from typing import List, Sequence

from mxnet.gluon import nn

from ..nn.create import create_fusion
from ..nn.forms import Compiling
from ..nn.layers import Normalization, conv, sequential
from ..nn.maps import resized


def activated(in_channels: int, channels: int, kernel: int, norm: Normalization) -> list:
    """Return a convolution, BN and relu."""
    return [conv(in_channels, channels, kernel), norm(channels), nn.Activation("relu")]


class TopDown(Compiling):
    """Maps of all stages, the finest first, to as many fused maps of their sizes.

    A lateral feature is a 1x1 convolution, BN and relu of a stage's map; the coarsest goes on
    alone. On each level below, what comes from above is brought to the level's width, where that is
    another (1x1, BN, relu), and upsampled bilinearly; the fusion joins the lateral feature, its
    `x`, with it, its `residual`; convolutions may follow.

    Parameters
    ----------
    in_channels, widths : sequence of int
        Channels of each map, and of each fused map.
    fusion : str
        Name of the fusion.
    norm : Normalization
        Builds the normalisation layers.
    r : int
        Reduction ratio of the fusion.
    convolutions : int, default 0
        3x3 convolutions (with BN and relu) behind each fusion.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        widths: Sequence[int],
        fusion: str,
        norm: Normalization,
        r: int,
        convolutions: int = 0,
    ):
        super().__init__()
        self._widths = tuple(widths)
        pairs = list(zip(widths, widths[1:]))
        with self.name_scope():
            self.lateral = sequential(
                *(sequential(*activated(*pair, 1, norm)) for pair in zip(in_channels, widths))
            )
            self.narrow = sequential(
                *(
                    sequential(*(activated(above, width, 1, norm) if above != width else []))
                    for width, above in pairs
                )
            )
            self.fusions = sequential(
                *(create_fusion(fusion, width, r, norm.layer, norm.kwargs) for width, _ in pairs)
            )
            self.refine = sequential(
                *(
                    sequential(
                        *(
                            layer
                            for _ in range(convolutions)
                            for layer in activated(width, width, 3, norm)
                        )
                    )
                    for width, _ in pairs
                )
            )

    def hybrid_forward(self, F, *maps):
        laterals = [lateral(x) for lateral, x in zip(self.lateral, maps)]
        fused: List = laterals[-1:]
        for level in reversed(range(len(maps) - 1)):
            lateral = laterals[level]
            above = self.narrow[level](fused[0])
            above = resized(F, above, lateral, self._widths[level], 2, self)
            fused.insert(0, self.refine[level](self.fusions[level](lateral, above)))
        return tuple(fused)
