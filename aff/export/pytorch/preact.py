"""What the CIFAR networks of pre-activation blocks share."""

from torch import nn

from .cifar_stem import cifar_stem
from .layers import BatchNorm
from .trunk import Classifier, stages


class PreActNetwork(Classifier):
    """Three stages of a subclass's `block`, 16, 32 and 64 times `channel_times` wide: (N, 3, H, W)
    to logits (N, classes).
    """

    def __init__(
        self,
        blocks,
        fusion="ASKCFuse",
        classes=100,
        channel_times=1,
        start_layer=1,
        deep_stem=False,
        avg_down=False,
        r=4,
    ):
        width = 16 * channel_times

        def build(stage, index, name, stride):
            channels = width * 2**stage
            in_channels = channels // 2 if stage and not index else channels
            return self.block(in_channels, channels, stride, name, avg_down, r)

        normalize = BatchNorm(3)  # has no scale and no shift to learn
        normalize.requires_grad_(False)
        out = width * 2 ** (len(blocks) - 1)
        features = [
            normalize,
            *cifar_stem(width, deep_stem),
            *stages(blocks, fusion, start_layer, build),
            BatchNorm(out),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ]
        super().__init__(features, out, classes)
