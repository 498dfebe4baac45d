"""The stem of ImageNet networks."""

from .layers import conv
from .trunk import deep_stem_layers


def imagenet_stem(deep, width):
    """7x7 convolution of stride 2 to 64 channels, or, `deep`, three 3x3 ones to twice `width`:
    the layers, and the channels they give.
    """
    if deep:
        return deep_stem_layers(width, 2 * width, 2), 2 * width
    return [conv(3, 64, 7, 2)], 64
