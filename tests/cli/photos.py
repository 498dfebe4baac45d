"""A network of eight layers for ImageNet's kind of images: what the tests of commands train where
the size of a network proves nothing.
"""

from mxnet import init

from aff.models.family import Family
from aff.models.resnet import CIFARResNet

#: A module that makes it known, for processes of their own: ``--import``.
MODULE = """
from aff.models.registry import register_family
from tests.cli.photos import FAMILY
register_family(FAMILY)
"""


def eight_layers(blocks, fusion="ASKCFuse", classes=1000, start_layer=1, last_gamma=False):
    """A CIFAR ResNet, which takes images of any size."""
    return CIFARResNet(blocks, fusion, classes, start_layer=start_layer)


FAMILY = Family("photo_resnet{}", eight_layers, (8,), 64, init.Xavier, "imagenet", step=6)
