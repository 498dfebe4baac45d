"""The ImageNet ResNeXt."""

from torch import nn

from .imagenet_stem import imagenet_stem
from .layers import BatchNorm
from .resnext_block import resnext_stages
from .trunk import Classifier


class Network(Classifier):
    """ResNeXt (32x4d) with a fusion in its blocks from stage `start_layer` on: (N, 3, H, W) to
    logits (N, classes).
    """

    def __init__(
        self,
        blocks,
        fusion="ASKCFuse",
        classes=1000,
        start_layer=3,
        deep_stem=False,
        stem_width=64,
        avg_down=False,
        use_se=False,
        last_gamma=False,
        r=16,
    ):
        stem, width = imagenet_stem(deep_stem, stem_width)
        down = [False] + [avg_down] * (len(blocks) - 1)
        features = [
            *stem,
            BatchNorm(width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            *resnext_stages(blocks, fusion, start_layer, width, down, use_se, last_gamma, r),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ]
        super().__init__(features, 256 * 2 ** (len(blocks) - 1), classes)
