"""The trunks: stems, stages of residual blocks, and the classifier.

The CIFAR networks of the published code, both generations. Every stage from `start_layer` on joins
its blocks with the chosen fusion; earlier stages add. Children's order and attribute names are the
checkpoint format.
"""

from __future__ import annotations

from typing import List, Optional

from mxnet.gluon import HybridBlock, nn

from .blocks import PreActBasicBlock, ResNeXtBlock
from .layers import GlobalAvgPool2D, Normalization, NormLayer, conv, sequential

CIFAR_STAGES = 3


def stage_fusions(fusion: str, start_layer: int, stages: int) -> List[str]:
    """The fusion of each stage: `fusion` in stages >= `start_layer` (counted from 1), addition
    before.
    """
    return [fusion if stage >= start_layer else "DirectAdd" for stage in range(1, stages + 1)]


def stem(channels: int, deep: bool, norm: Normalization) -> list:
    """3x3 convolution of the image to `channels`, or (`deep`) three of them, the first two of half
    the width.
    """
    if not deep:
        return [conv(3, channels, 3)]
    half = channels // 2
    return [
        conv(3, half, 3),
        norm(half),
        nn.Activation("relu"),
        conv(half, half, 3),
        norm(half),
        nn.Activation("relu"),
        conv(half, channels, 3),
    ]


class Classifier(HybridBlock):
    """`features` to a vector, `output` to logits: (N, 3, H, W) to (N, classes)."""

    def __init__(self, features: HybridBlock, channels: int, classes: int):
        super().__init__()
        with self.name_scope():
            self.features = features
            self.output = nn.Dense(classes, in_units=channels)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))


class CIFARResNet(Classifier):
    """Pre-activation CIFAR ResNet of depth 6b+2 with a fusion in its blocks: (N, 3, H, W) to (N,
    classes).

    Three stages of b blocks, widths 16, 32 and 64 times `channel_times`, stride 2 from the second
    stage on. The input goes through a BatchNorm without scale and centre. (mxnet updates running
    statistics in BatchNorm's backward on a CPU, which this one, having nothing to learn, never
    runs: trained there, its statistics stay 0 and 1.)

    Parameters
    ----------
    blocks : int
        Blocks b of each stage.
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
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.
    """

    def __init__(
        self,
        blocks: int,
        fusion: str = "ASKCFuse",
        classes: int = 100,
        channel_times: int = 1,
        start_layer: int = 1,
        deep_stem: bool = False,
        avg_down: bool = False,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm = Normalization(norm_layer, norm_kwargs)
        width = 16 * channel_times
        layers = [norm(3, scale=False, center=False), *stem(width, deep_stem, norm)]
        in_channels = width
        for stage, name in enumerate(stage_fusions(fusion, start_layer, CIFAR_STAGES)):
            channels = width * 2**stage
            stage_blocks = []
            for index in range(blocks):
                strides = 2 if stage > 0 and index == 0 else 1
                stage_blocks.append(
                    PreActBasicBlock(in_channels, channels, strides, name, norm, avg_down=avg_down)
                )
                in_channels = channels
            layers.append(sequential(*stage_blocks))
        layers += [norm(in_channels), nn.Activation("relu"), GlobalAvgPool2D(), nn.Flatten()]
        super().__init__(sequential(*layers), in_channels, classes)


class CIFARResNeXt(Classifier):
    """CIFAR ResNeXt of depth 9b+2 with a fusion in its blocks: (N, 3, H, W) to (N, classes).

    Three stages of b blocks, widths 64, 128 and 256 (block outputs four times that), stride 2 from
    the second on.

    Parameters
    ----------
    blocks : int
        Blocks b of each stage.
    cardinality, bottleneck_width : int, default 32 and 4
        Groups of the 3x3 convolutions, and channels of a group at width 64.
    use_se : bool, default False
        Squeeze-and-excitation on each body's output.
    last_gamma : bool, default False
        Start the last gamma of every block's body at zero.
    fusion, classes, start_layer, deep_stem, avg_down, norm_layer, norm_kwargs
        As in :class:`CIFARResNet`.
    """

    def __init__(
        self,
        blocks: int,
        cardinality: int = 32,
        bottleneck_width: int = 4,
        fusion: str = "ASKCFuse",
        classes: int = 100,
        start_layer: int = 1,
        deep_stem: bool = False,
        avg_down: bool = False,
        use_se: bool = False,
        last_gamma: bool = False,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm = Normalization(norm_layer, norm_kwargs)
        in_channels = 64
        layers = [*stem(in_channels, deep_stem, norm), norm(in_channels), nn.Activation("relu")]
        for stage, name in enumerate(stage_fusions(fusion, start_layer, CIFAR_STAGES)):
            channels = 64 * 2**stage
            stage_blocks = []
            for index in range(blocks):
                strides = 2 if stage > 0 and index == 0 else 1
                stage_blocks.append(
                    ResNeXtBlock(
                        in_channels,
                        channels,
                        cardinality,
                        bottleneck_width,
                        strides,
                        project=index == 0,
                        fusion=name,
                        norm=norm,
                        use_se=use_se,
                        avg_down=avg_down,
                        last_gamma=last_gamma,
                    )
                )
                in_channels = 4 * channels
            layers.append(sequential(*stage_blocks))
        layers += [GlobalAvgPool2D(), nn.Flatten()]
        super().__init__(sequential(*layers), in_channels, classes)
