"""The CIFAR network of Inception modules in residual blocks."""

from torch import nn

from .fusion import FUSIONS
from .layers import BatchNorm, conv
from .preact import PreActNetwork
from .trunk import shortcut


class InceptionBlock(nn.Module):
    """BN, relu, 3x3 beside 5x5; their fusion; the shortcut is added."""

    def __init__(self, in_channels, channels, stride, fusion, avg_down, r):
        super().__init__()
        self.preact = nn.Sequential(BatchNorm(in_channels), nn.ReLU())
        self.branch3 = conv(in_channels, channels, 3, stride)
        self.branch5 = conv(in_channels, channels, 5, stride)
        self.downsample = nn.Sequential(*shortcut(in_channels, channels, stride, avg_down))
        self.attention = FUSIONS[fusion](channels, r)

    def forward(self, x):
        active = self.preact(x)
        return self.attention(self.branch3(active), self.branch5(active)) + self.downsample(x)


class Network(PreActNetwork):
    """CIFAR network of three stages, 16, 32 and 64 times `channel_times` wide, whose blocks fuse a
    3x3 and a 5x5 branch.
    """

    block = InceptionBlock
