"""The paper's idea as Gluon blocks, usable alone: channel contexts, the fusions made of them, and
their registry.
"""

from . import fusion_baselines
from .attention import Attentive, TwoBranches, flat, global_context, local_context
from .fusion import AFF, IAFF, DirectAdd, create_fusion, list_fusions, register_fusion
from .layers import GlobalAvgPool2D, Normalization, conv, sequential

__all__ = [
    "AFF",
    "Attentive",
    "DirectAdd",
    "GlobalAvgPool2D",
    "IAFF",
    "Normalization",
    "TwoBranches",
    "conv",
    "create_fusion",
    "flat",
    "fusion_baselines",
    "global_context",
    "list_fusions",
    "local_context",
    "register_fusion",
    "sequential",
]
