"""Networks with a fusion in their blocks: families, one factory, parameter files, and what networks
cost.
"""

from __future__ import annotations

import importlib
from typing import Any

#: The networks that are made of another one, and the modules that they come from.
_ORIGINS = {"FPN": "fpn", "UNet": "unet"}


def __getattr__(name: str) -> Any:
    if name not in _ORIGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_ORIGINS[name]}", __name__), name)
