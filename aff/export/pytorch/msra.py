"""The first parameters of ImageNet and segmentation networks."""

import math

from torch import nn


def initialize(module):
    """MSRA-PReLU of slope 1/4, as ImageNet and segmentation networks start training; biases at
    zero.
    """
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        area = math.prod(module.weight.shape[2:])
        fan = (module.weight.shape[0] + module.weight.shape[1]) * area / 2
        nn.init.normal_(module.weight, std=math.sqrt(2 / (1 + 0.25**2) / fan))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
