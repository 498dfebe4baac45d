"""The ImageNet ResNet v1b."""

import torch
from torch import nn

from .fusion import FUSIONS
from .imagenet_stem import imagenet_stem
from .layers import BatchNorm, conv
from .trunk import bottleneck_inputs, projection, stages


class Bottleneck(nn.Module):
    """1x1, BN, relu, 3x3 (stride), BN, relu, 1x1, BN; fusion; relu."""

    def __init__(self, in_channels, channels, stride, fusion, project, avg_down, last_gamma, r):
        super().__init__()
        out = 4 * channels
        self.conv1 = conv(in_channels, channels)
        self.bn1 = BatchNorm(channels)
        self.conv2 = conv(channels, channels, 3, stride)
        self.bn2 = BatchNorm(channels)
        self.conv3 = conv(channels, out)
        self.bn3 = BatchNorm(out)
        if last_gamma:
            nn.init.zeros_(self.bn3.weight)
        shortcut = projection(in_channels, out, stride, avg_down) + [BatchNorm(out)]
        self.downsample = nn.Sequential(*(shortcut if project else []))
        self.attention = FUSIONS[fusion](out, r)

    def forward(self, x):
        body = torch.relu(self.bn1(self.conv1(x)))
        body = torch.relu(self.bn2(self.conv2(body)))
        body = self.bn3(self.conv3(body))
        return torch.relu(self.attention(body, self.downsample(x)))


class Network(nn.Module):
    """ResNet v1b (stride on the 3x3 convolution) with a fusion in its bottlenecks from stage
    `start_layer` on: (N, 3, H, W) to logits (N, classes).
    """

    def __init__(
        self,
        blocks,
        fusion="ASKCFuse",
        classes=1000,
        start_layer=3,
        deep_stem=False,
        stem_width=32,
        avg_down=False,
        last_gamma=False,
        r=16,
    ):
        super().__init__()
        stem, width = imagenet_stem(deep_stem, stem_width)

        def build(stage, index, name, stride):
            inputs, channels = bottleneck_inputs(stage, index, width), 64 * 2**stage
            return Bottleneck(inputs, channels, stride, name, not index, avg_down, last_gamma, r)

        self.conv1 = nn.Sequential(*stem) if deep_stem else stem[0]
        self.bn1 = BatchNorm(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        layers = stages(blocks, fusion, start_layer, build)
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))

    def parts(self):
        """The layers before the first stage, and the stages."""
        stem = [self.conv1, self.bn1, nn.ReLU(), self.maxpool]
        return stem, [self.layer1, self.layer2, self.layer3, self.layer4]
