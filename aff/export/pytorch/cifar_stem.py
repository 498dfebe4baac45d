"""The stem and the first parameters of CIFAR networks."""

from torch import nn

from .layers import conv
from .trunk import deep_stem_layers


def cifar_stem(channels, deep):
    """3x3 convolution of the image, or, `deep`, three of them."""
    return deep_stem_layers(channels // 2, channels, 1) if deep else [conv(3, channels, 3)]


def initialize(module):
    """Xavier, as the CIFAR networks start training; biases at zero."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
