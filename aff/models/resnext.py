"""ResNeXts with a fusion in their blocks, of CIFAR and of ImageNet.

Children's order and attribute names are the checkpoint format; those of the ImageNet network are
GluonCV's.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from mxnet.gluon import HybridBlock, nn

from ..nn.layers import GlobalAvgPool2D, Normalization, NormLayer, sequential
from .blocks import ResNeXtBlock
from .trunk import Classifier, bottleneck_inputs, cifar_stem, imagenet_stem, residual_stages


def _stages(
    blocks: Sequence[int],
    fusion: str,
    start_layer: int,
    stem: int,
    avg_down: Sequence[bool],
    **settings,
) -> List[HybridBlock]:
    """Build stages of ResNeXt blocks, widths 64, 128, ..., on a stem of so many channels;
    `avg_down` says for each stage how its projection goes, `settings` are those of every block.
    """

    def build(stage: int, index: int, name: str, strides: int) -> HybridBlock:
        return ResNeXtBlock(
            bottleneck_inputs(stage, index, stem),
            64 * 2**stage,
            strides=strides,
            project=not index,
            fusion=name,
            avg_down=avg_down[stage],
            **settings,
        )

    return residual_stages(blocks, fusion, start_layer, build)


class CIFARResNeXt(Classifier):
    """CIFAR ResNeXt of depth 9b+2 with a fusion in its blocks: (N, 3, H, W) to (N, classes).

    Three stages of b blocks, widths 64, 128 and 256 (block outputs four times that), stride 2 from
    the second on.

    Parameters
    ----------
    blocks : sequence of int
        Blocks of each stage, (b, b, b).
    cardinality, bottleneck_width : int, default 32 and 4
        Groups of the 3x3 convolutions, and channels of a group at width 64.
    fusion : str, default 'ASKCFuse'
        Name of the fusion.
    classes : int, default 100
        Number of outputs.
    start_layer : int, default 1
        First stage, counted from 1, that uses `fusion`; 4 adds everywhere.
    deep_stem, avg_down : bool, default False
        Three convolutions in the stem; average pooling before projections (generation 2).
    use_se : bool, default False
        Squeeze-and-excitation on each body's output.
    last_gamma : bool, default False
        Start the last gamma of every block's body at zero.
    r : int, default 16
        Reduction ratio of the fusions.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        cardinality: int = 32,
        bottleneck_width: int = 4,
        fusion: str = "ASKCFuse",
        classes: int = 100,
        start_layer: int = 1,
        deep_stem: bool = False,
        avg_down: bool = False,
        use_se: bool = False,
        last_gamma: bool = False,
        r: int = 16,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm = Normalization(norm_layer, norm_kwargs)
        features = sequential(
            *cifar_stem(64, deep_stem, norm),
            norm(64),
            nn.Activation("relu"),
            *_stages(
                blocks,
                fusion,
                start_layer,
                64,
                [avg_down] * len(blocks),
                cardinality=cardinality,
                bottleneck_width=bottleneck_width,
                norm=norm,
                use_se=use_se,
                last_gamma=last_gamma,
                r=r,
            ),
            GlobalAvgPool2D(),
            nn.Flatten(),
        )
        super().__init__(features, 256 * 2 ** (len(blocks) - 1), classes)


class ResNeXt(Classifier):
    """ImageNet ResNeXt with a fusion in its blocks: (N, 3, H, W) to (N, classes).

    Stem to H/2, 3x3 max pooling to H/4, four stages of widths 64 to 512 (outputs four times that),
    global average pooling, `output`.

    Parameters
    ----------
    blocks : sequence of int
        Blocks of each stage: (3, 4, 6, 3) for ResNeXt-50.
    classes : int, default 1000
        Number of outputs.
    start_layer : int, default 3
        First stage, counted from 1, that uses `fusion`; 5 adds everywhere.
    deep_stem : bool, default False
        Three 3x3 convolutions instead of one 7x7 (generation 2).
    stem_width : int, default 64
        Channels of the deep stem's first two convolutions; its last, and the first stage's input,
        has twice as many.
    avg_down : bool, default False
        Average pooling before projections, but not in the first stage (generation 2).
    cardinality, bottleneck_width, fusion, use_se, last_gamma, r, norm_layer, norm_kwargs
        As in :class:`CIFARResNeXt`.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        cardinality: int = 32,
        bottleneck_width: int = 4,
        fusion: str = "ASKCFuse",
        classes: int = 1000,
        start_layer: int = 3,
        deep_stem: bool = False,
        stem_width: int = 64,
        avg_down: bool = False,
        use_se: bool = False,
        last_gamma: bool = False,
        r: int = 16,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm = Normalization(norm_layer, norm_kwargs)
        stem, width = imagenet_stem(deep_stem, stem_width, norm)
        features = sequential(
            *stem,
            norm(width),
            nn.Activation("relu"),
            nn.MaxPool2D(3, 2, 1),
            *_stages(
                blocks,
                fusion,
                start_layer,
                width,
                [False] + [avg_down] * (len(blocks) - 1),
                cardinality=cardinality,
                bottleneck_width=bottleneck_width,
                norm=norm,
                use_se=use_se,
                last_gamma=last_gamma,
                r=r,
            ),
            GlobalAvgPool2D(),
            nn.Flatten(),
        )
        super().__init__(features, 256 * 2 ** (len(blocks) - 1), classes)
