"""Layers as mxnet has them, and the channel contexts of the paper."""

import torch
from torch import nn
from torch.nn import functional


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that trains as mxnet's does: its running variance is an average of the
    batches' biased variances (divided by n), where `torch.nn.BatchNorm2d` averages unbiased ones
    (divided by n - 1). Epsilon (1e-5) and momentum (0.1, which mxnet calls 0.9) are the same.
    """

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            precise = x if x.dtype == torch.double else x.float()
            variance, mean = torch.var_mean(precise, (0, 2, 3), unbiased=False)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
            self.num_batches_tracked.add_(1)
        return functional.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


def conv(in_channels, channels, kernel=1, stride=1, groups=1, bias=False):
    """Convolution that keeps the size, up to its stride."""
    return nn.Conv2d(
        in_channels, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=bias
    )


def bottleneck(channels, inner, out):
    """1x1 convolution to `inner` channels, BN, relu, 1x1 convolution to `out`, BN."""
    return [
        conv(channels, inner, bias=True),
        BatchNorm(inner),
        nn.ReLU(),
        conv(inner, out, bias=True),
        BatchNorm(out),
    ]


def local_context(channels, r):
    """L(Z), equation 2: (N, C, H, W) to (N, C, H, W)."""
    return nn.Sequential(*bottleneck(channels, channels // r, channels))


def global_context(channels, r):
    """g(Z), equation 1: (N, C, H, W) to (N, C, 1, 1)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), *bottleneck(channels, channels // r, channels))


def wide(channels):
    """1x1 convolution of all channels and BN: a context without a bottleneck."""
    return [conv(channels, channels, bias=True), BatchNorm(channels)]
