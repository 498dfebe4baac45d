"""What networks take, counted from the networks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Dict, Optional

from .factory import get_model
from .registry import count_parameters, find_family
from .summary import summarize


@dataclass(frozen=True)
class Cost:
    """What a network takes: all and trainable parameters, multiply-adds of an image."""

    parameters: int
    trainable: int
    multiply_adds: int


@lru_cache(maxsize=None)
def _measured(model: str, size: int, settings: str) -> Cost:
    net = get_model(model, **json.loads(settings))
    trainable, total = count_parameters(net)
    return Cost(total, trainable, sum(row.multiply_adds for row in summarize(net, size)))


def measured(model: str, kwargs: Dict[str, Any], size: Optional[int] = None) -> Cost:
    """Count a network's parameters and multiply-adds at the usual input size."""
    side = size or find_family(model)[0].size
    return _measured(model, side, json.dumps(kwargs, sort_keys=True))
