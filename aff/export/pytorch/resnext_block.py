"""The block of both ResNeXts."""

import torch
from torch import nn

from .fusion import FUSIONS
from .layers import BatchNorm, conv
from .trunk import bottleneck_inputs, projection, stages


class ResNeXtBlock(nn.Module):
    """1x1, BN, relu, grouped 3x3 (stride), BN, relu, 1x1, BN, squeeze-and-excitation where
    `use_se`; fusion; relu.
    """

    def __init__(
        self, in_channels, channels, stride, fusion, project, avg_down, use_se, last_gamma, r
    ):
        super().__init__()
        groups, group_width = 32, 4 * channels // 64
        width, out = groups * group_width, 4 * channels
        self.body = nn.Sequential(
            conv(in_channels, width),
            BatchNorm(width),
            nn.ReLU(),
            conv(width, width, 3, stride, groups),
            BatchNorm(width),
            nn.ReLU(),
            conv(width, out),
            BatchNorm(out),
        )
        if last_gamma:
            nn.init.zeros_(self.body[-1].weight)
        self.use_se = use_se
        if use_se:
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.se = nn.Sequential(
                conv(out, channels // 4, bias=True), nn.ReLU(), conv(channels // 4, out, bias=True)
            )
        shortcut = projection(in_channels, out, stride, avg_down) + [BatchNorm(out)]
        self.downsample = nn.Sequential(*(shortcut if project else []))
        self.attention = FUSIONS[fusion](out, r)

    def forward(self, x):
        body = self.body(x)
        if self.use_se:
            body = torch.sigmoid(self.se(self.pool(body))) * body
        return torch.relu(self.attention(body, self.downsample(x)))


def resnext_stages(blocks, fusion, start_layer, stem, avg_down, use_se, last_gamma, r):
    """Stages of ResNeXt blocks, 64, 128, ... wide, on a stem of so many channels; `avg_down` says
    of each stage how its shortcut is projected.
    """

    def build(stage, index, name, stride):
        inputs, channels = bottleneck_inputs(stage, index, stem), 64 * 2**stage
        down = avg_down[stage]
        return ResNeXtBlock(inputs, channels, stride, name, not index, down, use_se, last_gamma, r)

    return stages(blocks, fusion, start_layer, build)
