"""The pre-activation CIFAR ResNet."""

from torch import nn

from .cifar_stem import cifar_stem
from .fusion import FUSIONS
from .layers import BatchNorm, conv
from .trunk import projection, stages


class PreActBasicBlock(nn.Module):
    """BN, relu, 3x3, BN, relu, 3x3; fusion; nothing after it."""

    def __init__(self, in_channels, channels, stride, fusion, avg_down, r=4):
        super().__init__()
        self.resfwd = nn.Sequential(
            BatchNorm(in_channels),
            nn.ReLU(),
            conv(in_channels, channels, 3, stride),
            BatchNorm(channels),
            nn.ReLU(),
            conv(channels, channels, 3),
        )
        same = in_channels == channels
        shortcut = [] if same else projection(in_channels, channels, stride, avg_down)
        self.downsample = nn.Sequential(*shortcut)
        self.attention = FUSIONS[fusion](channels, r)

    def forward(self, x):
        return self.attention(self.resfwd(x), self.downsample(x))


class Network(nn.Module):
    """CIFAR ResNet of three stages, 16, 32 and 64 times `channel_times` wide, with a fusion in its
    blocks: (N, 3, H, W) to logits (N, classes).
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
    ):
        super().__init__()
        width = 16 * channel_times

        def build(stage, index, name, stride):
            channels = width * 2**stage
            in_channels = channels // 2 if stage and not index else channels
            return PreActBasicBlock(in_channels, channels, stride, name, avg_down)

        normalize = BatchNorm(3)  # has no scale and no shift to learn
        normalize.requires_grad_(False)
        out = width * 2 ** (len(blocks) - 1)
        self.features = nn.Sequential(
            normalize,
            *cifar_stem(width, deep_stem),
            *stages(blocks, fusion, start_layer, build),
            BatchNorm(out),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.output = nn.Linear(out, classes)

    def forward(self, x):
        return self.output(self.features(x))
