"""Names to networks: the one factory behind every command and behind ``aff.get_model``."""

from __future__ import annotations

import inspect
import math
import re
from typing import Callable, Dict, List, Optional, Tuple

from mxnet import Context, init
from mxnet.gluon import HybridBlock

from .errors import InputError, unknown
from .fusion import resolve_fusion
from .resnet import CIFARResNet, CIFARResNeXt

#: Pattern of a name, how depth gives blocks per stage (depth = step * blocks + 2), the class, an
#: example's depths.
_FAMILIES: Tuple[Tuple[str, int, Callable[..., HybridBlock], Tuple[int, ...]], ...] = (
    ("cifar_resnet{}_askc", 6, CIFARResNet, (8, 14, 20, 26, 32, 38, 44, 56, 110)),
    ("cifar_resnext{}_32x4d_askc", 9, CIFARResNeXt, (11, 20, 29, 38, 47, 56)),
)
MAX_DEPTH = 2000


def list_models() -> List[str]:
    """Names that `get_model` takes, in the common depths; others of the form 6b+2 (9b+2 for
    ResNeXt) exist too.
    """
    return [pattern.format(depth) for pattern, _, _, depths in _FAMILIES for depth in depths]


def _find(name: str) -> Tuple[Callable[..., HybridBlock], Dict[str, int]]:
    for pattern, step, cls, _ in _FAMILIES:
        match = re.fullmatch(pattern.format(r"(\d{1,4})"), str(name))
        if match:
            depth = int(match.group(1))
            if depth < step + 2 or depth > MAX_DEPTH or (depth - 2) % step:
                raise InputError(
                    f"model {name!r}: the depth of {pattern.format('<depth>')} must be {step}b+2, "
                    f"e.g. {', '.join(str(step * b + 2) for b in range(1, 6))}"
                )
            return cls, {"blocks": (depth - 2) // step}
    raise unknown("model", name, list_models())


def model_arguments(name: str) -> List[str]:
    """Names of the keyword arguments that a model takes.

    Raises
    ------
    InputError
        For an unknown model.
    """
    cls, fixed = _find(name)
    hidden = {"self", "cardinality", "bottleneck_width", *fixed}
    return [parameter for parameter in inspect.signature(cls).parameters if parameter not in hidden]


def get_model(name: str, ctx: Optional[Context] = None, **kwargs) -> HybridBlock:
    """Build a network by name. Its parameters are not initialized yet.

    Parameters
    ----------
    name : str
        One of `list_models()`, or another depth of the same families.
    ctx : Context or list of Context, optional
        Where given, the parameters are initialized there (Xavier), ready to be used or loaded into.
    **kwargs
        `fusion` (default ``'ASKCFuse'``), `classes` (100), `channel_times`, `start_layer`,
        `deep_stem`, `avg_down`, `use_se`, `last_gamma`, `norm_layer`, `norm_kwargs`, as far as the
        network has them.

    Returns
    -------
    HybridBlock
        (N, 3, H, W) to logits (N, classes).

    Raises
    ------
    InputError
        For an unknown model, fusion or argument, or a value out of range; the message names the
        valid ones.
    """
    cls, fixed = _find(name)
    valid = model_arguments(name)
    for argument in kwargs:
        if argument not in valid:
            raise unknown(f"argument of {name}", argument, ["ctx", *valid])
    if "fusion" in kwargs:
        kwargs["fusion"] = resolve_fusion(kwargs["fusion"])
    for argument in ("classes", "channel_times", "start_layer"):
        if argument in kwargs and (not isinstance(kwargs[argument], int) or kwargs[argument] < 1):
            raise InputError(
                f"{argument} must be a whole number of at least 1, got {kwargs[argument]!r}"
            )
    net = cls(**fixed, **kwargs)
    if ctx is not None:
        net.initialize(init.Xavier(), ctx=ctx)
    return net


def count_parameters(net: HybridBlock) -> Tuple[int, int]:
    """Numbers of parameters, ``(trainable, total)``; the difference is what takes no gradient.

    That is BatchNorm's running statistics, and its scale and centre where they are switched off.
    """
    parameters = net.collect_params().values()
    sizes = [(math.prod(parameter.shape), parameter.grad_req != "null") for parameter in parameters]
    return sum(size for size, trainable in sizes if trainable), sum(size for size, _ in sizes)
