"""The first parameters of CIFAR networks."""

from torch import nn


def initialize(module):
    """Xavier, as the CIFAR networks start training; biases at zero."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
