"""Layers as mxnet has them, and the channel contexts of the paper."""

import torch
from torch import nn


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that trains as mxnet's does: its running variance is an average of the
    batches' biased variances (divided by n), where `torch.nn.BatchNorm2d` averages unbiased ones
    (divided by n - 1). Epsilon (1e-5) and momentum (0.1, which mxnet calls 0.9) are the same.
    """

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        n = x.numel() / x.shape[1]
        kept = (1 - self.momentum) * self.running_var
        out = super().forward(x)
        with torch.no_grad():
            unbiased = self.running_var - kept
            self.running_var.copy_(kept + unbiased * (n - 1) / n)
        return out


def conv(in_channels, channels, kernel=1, stride=1, groups=1, bias=False):
    """Convolution that keeps the size, up to its stride."""
    return nn.Conv2d(
        in_channels, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=bias
    )


def bottleneck(channels, inner, out):
    """1x1 convolution to `inner` channels, BN, relu, 1x1 convolution to `out`, BN."""
    return [
        conv(channels, inner, bias=True),
        BatchNorm2d(inner),
        nn.ReLU(),
        conv(inner, out, bias=True),
        BatchNorm2d(out),
    ]


def local_context(channels, r):
    """L(Z), equation 2: (N, C, H, W) to (N, C, H, W)."""
    return nn.Sequential(*bottleneck(channels, channels // r, channels))


def global_context(channels, r):
    """g(Z), equation 1: (N, C, H, W) to (N, C, 1, 1)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), *bottleneck(channels, channels // r, channels)
    )


def wide(channels):
    """1x1 convolution of all channels and BN: a context without a bottleneck."""
    return [conv(channels, channels, bias=True), BatchNorm2d(channels)]
