"""What all trunks share: stems, stages of residual blocks, and the classifier on top.

Every stage from `start_layer` on joins its blocks with the chosen fusion; earlier stages add.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Sequence, Tuple

from mxnet.gluon import HybridBlock, nn

from ..nn.forms import Compiling
from ..nn.layers import Normalization, conv, sequential

#: Builds a block from its stage (from 0), its place in the stage, its fusion's name, its stride.
BlockBuilder = Callable[[int, int, str, int], HybridBlock]


def stage_fusions(fusion: str, start_layer: int, stages: int) -> List[str]:
    """Return the fusion of each stage: `fusion` in stages >= `start_layer` (counted from 1),
    addition before.
    """
    return [fusion if stage >= start_layer else "DirectAdd" for stage in range(1, stages + 1)]


def residual_stages(
    blocks: Sequence[int], fusion: str, start_layer: int, build: BlockBuilder
) -> List[HybridBlock]:
    """Build stages of so many blocks each; the first block of each but the first stage has stride
    2.
    """
    return [
        sequential(
            *(build(stage, index, name, 2 if stage and not index else 1) for index in range(count))
        )
        for stage, (count, name) in enumerate(
            zip(blocks, stage_fusions(fusion, start_layer, len(blocks)))
        )
    ]


def bottleneck_inputs(stage: int, index: int, stem: int) -> int:
    """Return the channels that a bottleneck block gets: the stem's, the last stage's, or its own
    stage's.
    """
    if index:
        return 256 * 2**stage
    return 128 * 2**stage if stage else stem


def deep_stem_layers(width: int, channels: int, strides: int, norm: Normalization) -> list:
    """Return three 3x3 convolutions, of `width`, `width` and `channels` channels, the first with
    the stride; BN and relu between them.
    """
    return [
        conv(3, width, 3, strides),
        norm(width),
        nn.Activation("relu"),
        conv(width, width, 3),
        norm(width),
        nn.Activation("relu"),
        conv(width, channels, 3),
    ]


def cifar_stem(channels: int, deep: bool, norm: Normalization) -> list:
    """Return 3x3 convolution of the image to `channels`, or (`deep`) three of them, the first two
    of half the width.
    """
    return deep_stem_layers(channels // 2, channels, 1, norm) if deep else [conv(3, channels, 3)]


def imagenet_stem(deep: bool, width: int, norm: Normalization) -> Tuple[list, int]:
    """Return 7x7 convolution of stride 2 to 64 channels, or (`deep`) three 3x3 ones to twice
    `width`; the layers, and the channels they give.
    """
    return (
        (deep_stem_layers(width, 2 * width, 2, norm), 2 * width)
        if deep
        else ([conv(3, 64, 7, 2)], 64)
    )


class Parts(NamedTuple):
    """What a network consists of, before its output layer.

    Attributes
    ----------
    stem, head : list of HybridBlock
        What comes before the first stage; what makes a vector of the last one's maps.
    stages : list of HybridBlock
        The stages.
    """

    stem: List[HybridBlock]
    stages: List[HybridBlock]
    head: List[HybridBlock]


class Classifier(Compiling):
    """`features` to a vector, `output` to logits: (N, 3, H, W) to (N, classes). The stages are the
    sequences among the layers of `features`.
    """

    def __init__(self, features: HybridBlock, channels: int, classes: int):
        super().__init__()
        with self.name_scope():
            self.features = features
            self.output = nn.Dense(classes, in_units=channels)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))

    @property
    def parts(self) -> Parts:
        """What it consists of."""
        layers = list(self.features._children.values())
        places = [i for i, layer in enumerate(layers) if isinstance(layer, nn.HybridSequential)]
        first, last = places[0], places[-1] + 1
        return Parts(layers[:first], layers[first:last], layers[last:])
