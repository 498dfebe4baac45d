"""The stem and the first parameters of ImageNet networks."""

import math

from torch import nn

from .layers import conv
from .trunk import deep_stem_layers


def imagenet_stem(deep, width):
    """7x7 convolution of stride 2 to 64 channels, or, `deep`, three 3x3 ones to twice `width`:
    the layers, and the channels they give.
    """
    if deep:
        return deep_stem_layers(width, 2 * width, 2), 2 * width
    return [conv(3, 64, 7, 2)], 64


def initialize(module):
    """MSRA-PReLU of slope 1/4, as the ImageNet networks start training; biases at zero."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        area = math.prod(module.weight.shape[2:])
        fan = (module.weight.shape[0] + module.weight.shape[1]) * area / 2
        nn.init.normal_(module.weight, std=math.sqrt(2 / (1 + 0.25**2) / fan))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
