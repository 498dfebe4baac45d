"""``aff train-seg``: train a segmentation network with any fusion, evaluate it every epoch, keep
the best.
"""

from __future__ import annotations

from typing import Any

from ..models.naming import DEFAULT_MODELS
from .common.config_flags import add_config_arguments
from .common.parser import Parser
from .common.shared_flags import add_segmentation_network_arguments
from .common.spellings import spelling_of
from .common.training import train

GROUP, HELP = "train", "train a segmentation network: a class for every pixel"
DESCRIPTION = (
    "Train a network that gives every pixel a class, and whose long skips join by attentional "
    "feature fusion, on a folder of images and masks. The defaults are the paper's settings for "
    "FPN (its Table 2); what the paper does not say is in docs, 'Segmentation'."
)
KEEPS_COMMAND = True
spelling = spelling_of("segmentation")


def add_arguments(parser: Parser) -> None:
    """Add the command's flags; every one acts."""
    add_segmentation_network_arguments(parser, DEFAULT_MODELS["segmentation"])
    add_config_arguments(parser, "segmentation")


def run(**given: Any) -> int:
    """Train as was given."""
    return train("segmentation", given)
