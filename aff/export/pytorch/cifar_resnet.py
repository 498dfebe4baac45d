"""The pre-activation CIFAR ResNet."""

from torch import nn

from .fusion import FUSIONS
from .layers import BatchNorm, conv
from .preact import PreActNetwork
from .trunk import shortcut


class PreActBasicBlock(nn.Module):
    """BN, relu, 3x3, BN, relu, 3x3; fusion; nothing after it."""

    def __init__(self, in_channels, channels, stride, fusion, avg_down, r):
        super().__init__()
        self.resfwd = nn.Sequential(
            BatchNorm(in_channels),
            nn.ReLU(),
            conv(in_channels, channels, 3, stride),
            BatchNorm(channels),
            nn.ReLU(),
            conv(channels, channels, 3),
        )
        self.downsample = nn.Sequential(*shortcut(in_channels, channels, stride, avg_down))
        self.attention = FUSIONS[fusion](channels, r)

    def forward(self, x):
        return self.attention(self.resfwd(x), self.downsample(x))


class Network(PreActNetwork):
    """CIFAR ResNet of three stages, 16, 32 and 64 times `channel_times` wide, with a fusion in its
    blocks.
    """

    block = PreActBasicBlock
