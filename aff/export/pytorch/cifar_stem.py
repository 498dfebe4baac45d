"""The stem of CIFAR networks."""

from .layers import conv
from .trunk import deep_stem_layers


def cifar_stem(channels, deep):
    """3x3 convolution of the image, or, `deep`, three of them."""
    return deep_stem_layers(channels // 2, channels, 1) if deep else [conv(3, channels, 3)]
