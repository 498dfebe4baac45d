"""The CIFAR ResNeXt."""

from torch import nn

from .cifar_stem import cifar_stem
from .layers import BatchNorm
from .resnext_block import resnext_stages
from .trunk import Classifier


class Network(Classifier):
    """CIFAR ResNeXt (32x4d) of three stages with a fusion in its blocks: (N, 3, H, W) to logits
    (N, classes).
    """

    def __init__(
        self,
        blocks,
        fusion="ASKCFuse",
        classes=100,
        start_layer=1,
        deep_stem=False,
        avg_down=False,
        use_se=False,
        last_gamma=False,
        r=16,
    ):
        down = [avg_down] * len(blocks)
        features = [
            *cifar_stem(64, deep_stem),
            BatchNorm(64),
            nn.ReLU(),
            *resnext_stages(blocks, fusion, start_layer, 64, down, use_se, last_gamma, r),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ]
        super().__init__(features, 256 * 2 ** (len(blocks) - 1), classes)
