"""The paper's idea as Gluon blocks, usable alone: channel contexts, the fusions made of them, and
their registry.
"""

from . import fusion_baselines
from .anywhere import FeatureFusion, SoftSelection
from .attention import Attentive, TwoBranches, flat, global_context, local_context
from .create import create_fusion
from .fusion import AFF, IAFF, DirectAdd, list_fusions, register_fusion
from .layers import GlobalAvgPool2D, Normalization, conv, sequential
from .ms_cam import MSCAM

__all__ = [
    "AFF",
    "Attentive",
    "DirectAdd",
    "FeatureFusion",
    "GlobalAvgPool2D",
    "IAFF",
    "MSCAM",
    "Normalization",
    "SoftSelection",
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
