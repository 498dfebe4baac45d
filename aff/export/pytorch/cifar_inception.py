"""The CIFAR network of Inception modules."""

import torch
from torch import nn

from .cifar_stem import cifar_stem
from .fusion import FUSIONS
from .layers import BatchNorm, conv
from .trunk import stages


class InceptionBlock(nn.Module):
    """3x3, BN beside 5x5, BN; fusion; relu."""

    def __init__(self, in_channels, channels, stride, fusion, r=4):
        super().__init__()
        self.branch3, self.branch5 = (
            nn.Sequential(conv(in_channels, channels, kernel, stride), BatchNorm(channels))
            for kernel in (3, 5)
        )
        self.attention = FUSIONS[fusion](channels, r)

    def forward(self, x):
        return torch.relu(self.attention(self.branch3(x), self.branch5(x)))


class Network(nn.Module):
    """CIFAR network of three stages of Inception modules, 16, 32 and 64 times `channel_times` wide,
    whose branches are fused: (N, 3, H, W) to logits (N, classes).
    """

    def __init__(self, blocks, fusion="ASKCFuse", classes=100, channel_times=1, start_layer=1):
        super().__init__()
        width = 16 * channel_times

        def build(stage, index, name, stride):
            channels = width * 2**stage
            return InceptionBlock(channels // stride, channels, stride, name)

        self.features = nn.Sequential(
            *cifar_stem(width, False),
            BatchNorm(width),
            nn.ReLU(),
            *stages(blocks, fusion, start_layer, build),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.output = nn.Linear(width * 2 ** (len(blocks) - 1), classes)

    def forward(self, x):
        return self.output(self.features(x))
