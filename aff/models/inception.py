"""The paper's fusion within a layer: a CIFAR network of Inception modules whose branches are fused.

The paper fuses the branches of one layer in an Inception network of b modules a stage (a column of
Tables 3 and 4); its code was never published, and the text leaves the rest open. What is decided
here, and why:

- A module is Inception's without reductions, its two convolutions of equal width on the same input:
  nothing but the fusion joins them. There is no skip connection: it would be a second fusion.
- Each branch ends in BatchNorm, so that both are of one scale before they are fused, and relu
  follows the fusion, as in the ResNeXt.
- The 3x3 branch is the body `x`, which w weighs; the 5x5 branch, of the larger field, has the rest.
- Three stages of widths 16, 32 and 64, stride 2 from the second, stem and head as in the CIFAR
  networks: so the host is of the size of the ResNet of the same tables. With additions and 100
  classes it has 0.10M parameters beside that one's 0.08M at b = 1, and 18 million multiply-adds
  beside 13; at b = 4 0.65M beside 0.38M, and 99 beside 55. r is 4, as there.
"""

from __future__ import annotations

from typing import Optional, Sequence

from mxnet.gluon import HybridBlock, nn

from ..nn.attention import fuse_and_activate
from ..nn.create import create_fusion
from ..nn.forms import Formed
from ..nn.layers import GlobalAvgPool2D, Normalization, NormLayer, conv, sequential
from .trunk import Classifier, cifar_stem, residual_stages


class InceptionBlock(Formed):
    """Inception module of two branches: 3x3, BN beside 5x5, BN; fusion; relu.

    (N, in_channels, H, W) to (N, channels, H/strides, W/strides).

    Parameters
    ----------
    in_channels, channels : int
        Width of the input, and of both branches and the output.
    strides : int
        Stride of both convolutions.
    fusion : str
        Name of the fusion; its body is the 3x3 branch, its shortcut the 5x5 branch.
    norm : Normalization
        Builds the normalisation layers.
    r : int, default 4
        Reduction ratio of the fusion.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        strides: int,
        fusion: str,
        norm: Normalization,
        r: int = 4,
    ):
        super().__init__()
        with self.name_scope():
            self.branch3, self.branch5 = (
                sequential(conv(in_channels, channels, kernel, strides), norm(channels))
                for kernel in (3, 5)
            )
            self.attention = create_fusion(fusion, channels, r, norm.layer, norm.kwargs)

    def hybrid_forward(self, F, x):
        return fuse_and_activate(F, self.attention, self.branch3(x), self.branch5(x))


class CIFARInception(Classifier):
    """CIFAR network of Inception modules with a fusion of their branches, of depth 3b+2: (N, 3, H,
    W) to (N, classes).

    3x3 convolution, BN, relu; three stages of b modules, widths 16, 32 and 64 times
    `channel_times`, stride 2 from the second stage on; global average pooling; dense.

    Parameters
    ----------
    blocks : sequence of int
        Modules of each stage, (b, b, b); the paper has b = 1 to 4.
    fusion : str, default 'ASKCFuse'
        Name of the fusion.
    classes : int, default 100
        Number of outputs.
    channel_times : int, default 1
        Multiplies every width.
    start_layer : int, default 1
        First stage, counted from 1, that uses `fusion`; 4 adds everywhere.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        fusion: str = "ASKCFuse",
        classes: int = 100,
        channel_times: int = 1,
        start_layer: int = 1,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm = Normalization(norm_layer, norm_kwargs)
        width = 16 * channel_times

        def build(stage: int, index: int, name: str, strides: int) -> HybridBlock:
            channels = width * 2**stage
            return InceptionBlock(channels // strides, channels, strides, name, norm)

        features = sequential(
            *cifar_stem(width, False, norm),
            norm(width),
            nn.Activation("relu"),
            *residual_stages(blocks, fusion, start_layer, build),
            GlobalAvgPool2D(),
            nn.Flatten(),
        )
        super().__init__(features, width * 2 ** (len(blocks) - 1), classes)
