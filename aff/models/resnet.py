"""ResNets with a fusion in their blocks: the pre-activation one of CIFAR and ImageNet's v1b.

Children's order and attribute names are the checkpoint format; those of v1b are GluonCV's.
"""

from __future__ import annotations

from typing import Callable, Optional, Sequence

from mxnet.gluon import HybridBlock, nn

from ..nn.forms import Compiling
from ..nn.layers import GlobalAvgPool2D, Normalization, NormLayer, sequential
from .blocks import Bottleneck, PreActBasicBlock
from .trunk import (
    Classifier,
    Parts,
    bottleneck_inputs,
    cifar_stem,
    imagenet_stem,
    residual_stages,
)


class CIFARResNet(Classifier):
    """Pre-activation CIFAR ResNet of depth 6b+2 with a fusion in its blocks: (N, 3, H, W) to (N,
    classes).

    Three stages of b blocks, widths 16, 32 and 64 times `channel_times`, stride 2 from the second
    stage on. The input goes through a BatchNorm without scale and centre. (mxnet updates running
    statistics in BatchNorm's backward on a CPU, which this one, having nothing to learn, never
    runs: trained there, its statistics stay 0 and 1.)

    Parameters
    ----------
    blocks : sequence of int
        Blocks of each stage, (b, b, b).
    fusion : str, default 'ASKCFuse'
        Name of the fusion.
    classes : int, default 100
        Number of outputs.
    channel_times : int, default 1
        Multiplies every width.
    start_layer : int, default 1
        First stage, counted from 1, that uses `fusion`; 4 adds everywhere.
    deep_stem, avg_down : bool, default False
        Three convolutions in the stem; average pooling before projections (generation 2).
    r : int, default 4
        Reduction ratio of the fusions; the paper's Tables 3 and 4 have 2 for AFF and the MS-
        variants.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.
    """

    #: What its stages are of.
    block: Callable[..., HybridBlock] = PreActBasicBlock

    def __init__(
        self,
        blocks: Sequence[int],
        fusion: str = "ASKCFuse",
        classes: int = 100,
        channel_times: int = 1,
        start_layer: int = 1,
        deep_stem: bool = False,
        avg_down: bool = False,
        r: int = 4,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm = Normalization(norm_layer, norm_kwargs)
        width = 16 * channel_times

        def build(stage: int, index: int, name: str, strides: int) -> HybridBlock:
            channels = width * 2**stage
            in_channels = channels // 2 if stage and not index else channels
            return type(self).block(in_channels, channels, strides, name, norm, r, avg_down)

        out = width * 2 ** (len(blocks) - 1)
        features = sequential(
            norm(3, scale=False, center=False),
            *cifar_stem(width, deep_stem, norm),
            *residual_stages(blocks, fusion, start_layer, build),
            norm(out),
            nn.Activation("relu"),
            GlobalAvgPool2D(),
            nn.Flatten(),
        )
        super().__init__(features, out, classes)


class ResNetV1b(Compiling):
    """ImageNet ResNet v1b (stride on the 3x3 convolution) with a fusion in its bottlenecks: (N, 3,
    H, W) to (N, classes).

    Stem to H/2, 3x3 max pooling to H/4, four stages of widths 64 to 512 (outputs four times that),
    global average pooling, `fc`.

    Parameters
    ----------
    blocks : sequence of int
        Blocks of each stage: (3, 4, 6, 3) for ResNet-50.
    classes : int, default 1000
        Number of outputs.
    start_layer : int, default 3
        First stage, counted from 1, that uses `fusion`; 5 adds everywhere.
    deep_stem, avg_down : bool, default False
        Three 3x3 convolutions instead of one 7x7; average pooling before projections (generation
        2).
    stem_width : int, default 32
        Channels of the deep stem's first two convolutions; its last, and the first stage's input,
        has twice as many.
    last_gamma : bool, default False
        Start the last gamma of every block at zero instead of one.
    r : int, default 16
        Reduction ratio of the fusions.
    fusion, norm_layer, norm_kwargs
        As in :class:`CIFARResNet`.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        fusion: str = "ASKCFuse",
        classes: int = 1000,
        start_layer: int = 3,
        deep_stem: bool = False,
        stem_width: int = 32,
        avg_down: bool = False,
        last_gamma: bool = False,
        r: int = 16,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        super().__init__()
        norm = Normalization(norm_layer, norm_kwargs)
        stem, width = imagenet_stem(deep_stem, stem_width, norm)

        def build(stage: int, index: int, name: str, strides: int) -> HybridBlock:
            return Bottleneck(
                bottleneck_inputs(stage, index, width),
                64 * 2**stage,
                strides,
                name,
                norm,
                project=not index,
                r=r,
                avg_down=avg_down,
                last_gamma=last_gamma,
            )

        stages = residual_stages(blocks, fusion, start_layer, build)
        with self.name_scope():
            self.conv1 = sequential(*stem) if deep_stem else stem[0]
            self.bn1 = norm(width)
            self.relu = nn.Activation("relu")
            self.maxpool = nn.MaxPool2D(3, 2, 1)
            self.layer1, self.layer2, self.layer3, self.layer4 = stages
            self.avgpool = GlobalAvgPool2D()
            self.flat = nn.Flatten()
            self.fc = nn.Dense(classes, in_units=2048)

    def hybrid_forward(self, F, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.flat(self.avgpool(x)))

    @property
    def parts(self) -> Parts:
        """What it consists of."""
        stem = [self.conv1, self.bn1, self.relu, self.maxpool]
        stages = [self.layer1, self.layer2, self.layer3, self.layer4]
        return Parts(stem, stages, [self.avgpool, self.flat])
