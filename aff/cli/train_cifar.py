"""``train_cifar.py``: train a CIFAR-style network with any fusion, evaluate it every epoch, keep
the best.
"""

from __future__ import annotations

from typing import Any

from .common.config_flags import add_config_arguments
from .common.parser import Parser
from .common.shared_flags import add_cifar_network_arguments
from .common.spellings import spelling_of
from .common.training import train

GROUP, HELP = "train", "train a CIFAR-style network (the script train_cifar.py)"
DESCRIPTION = (
    "Train a CIFAR-style ResNet, ResNeXt or Inception network whose blocks join by attentional "
    "feature fusion. The defaults are the settings of AFF-ResNet-32."
)
KEEPS_COMMAND = True
spelling = spelling_of("cifar")


def add_arguments(parser: Parser) -> None:
    """Add the script's flags; every one acts."""
    add_cifar_network_arguments(parser, "resnet")
    add_config_arguments(parser, "cifar")


def run(**given: Any) -> int:
    """Train as was given."""
    return train("cifar", given)
