"""Attentional Feature Fusion (Dai et al., WACV 2021) for MXNet/Gluon.

Importing this package prepares what mxnet 1.9.1 needs of NumPy and the environment; mxnet itself is
imported with the first name that is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

from . import compat

__version__ = "0.2.0"

compat.prepare()

if TYPE_CHECKING:
    from .inference.load import load, predict
    from .models.factory import get_model, list_models
    from .models.inference import optimize_for_inference
    from .models.pretrained import load_parameters, load_published
    from .models.registry import count_parameters
    from .models.weights import list_published
    from .nn.create import create_fusion
    from .nn.fusion import list_fusions, register_fusion
    from .nn.ms_cam import MSCAM
    from .utils.errors import InputError

#: Rooms that `aff.<room>` names without an import of their own.
_ROOMS = (
    *(
        "bench",
        "data",
        "distributed",
        "export",
        "inference",
        "models",
        "nn",
        "paper",
        "training",
        "utils",
    ),
    "viz",
)
#: The public names, and the modules that they come from.
_ORIGINS = {
    "InputError": "utils.errors",
    "MSCAM": "nn.ms_cam",
    "count_parameters": "models.registry",
    "create_fusion": "nn.create",
    "get_model": "models.factory",
    "list_fusions": "nn.fusion",
    "list_models": "models.factory",
    "list_published": "models.weights",
    "load": "inference.load",
    "load_parameters": "models.pretrained",
    "load_published": "models.pretrained",
    "optimize_for_inference": "models.inference",
    "predict": "inference.load",
    "register_fusion": "nn.fusion",
}
__all__ = [
    "InputError",
    "MSCAM",
    "count_parameters",
    "create_fusion",
    "get_model",
    "list_fusions",
    "list_models",
    "list_published",
    "load",
    "load_parameters",
    "load_published",
    "optimize_for_inference",
    "predict",
    "register_fusion",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name not in _ORIGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    compat.import_mxnet()
    value = getattr(importlib.import_module(f".{_ORIGINS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
