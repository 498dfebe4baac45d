"""The families of networks: how a name gives a class and its depth, and how one is built.

A family is one entry of `FAMILIES`; nothing else asks which one a network is of.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from mxnet import Context, init
from mxnet.gluon import HybridBlock

from ..nn.forms import choose_form, form_for
from ..utils.errors import InputError, unknown
from .family import LAYERS, Family
from .fpn import FPN
from .inception import CIFARInception
from .resnet import CIFARResNet, ResNetV1b
from .resnext import CIFARResNeXt, ResNeXt
from .segmenter import OnBackbone
from .unet import UNet

FAMILIES: List[Family] = [
    Family("resnet{}_v1b_askc", ResNetV1b, (50, 101, 152), 224, init.MSRAPrelu, "imagenet"),
    Family("resnext{}_32x4d_askc", ResNeXt, (50, 101), 224, init.MSRAPrelu, "imagenet"),
    Family(
        "cifar_resnet{}_askc",
        CIFARResNet,
        (8, 14, 20, 26, 32, 38, 44, 56, 110),
        32,
        init.Xavier,
        "cifar",
        step=6,
        short="resnet",
        usual={"channel_times": 4},
    ),
    Family(
        "cifar_resnext{}_32x4d_askc",
        CIFARResNeXt,
        (11, 20, 29, 38, 47, 56),
        32,
        init.Xavier,
        "cifar",
        step=9,
        short="resnext{}_32x4d",
        started={"last_gamma": True},
    ),
    Family(
        "cifar_inception{}_askc",
        CIFARInception,
        (5, 8, 11, 14),
        32,
        init.Xavier,
        "cifar",
        step=3,
        short="inception",
    ),
]


def _on_backbone(prefix: str, host: Callable[..., HybridBlock], family: Family) -> Family:
    """Return the segmentation networks over the networks of a family."""
    return replace(
        family,
        pattern=f"{prefix}_{family.pattern}",
        network=OnBackbone(host, family.network),
        listed=family.depths[:1],
        size=max(family.size, 128),
        initializer=init.MSRAPrelu,
        kind="segmentation",
        short=f"{prefix}_{family.short}" if family.short else "",
        usual={},
        started={},
    )


FAMILIES += [
    _on_backbone(prefix, host, family)
    for prefix, host in (("fpn", FPN), ("unet", UNet))
    for family in FAMILIES
]


def register_family(family: Family) -> None:
    """Make a family of networks known by its pattern.

    Raises
    ------
    ValueError
        For a pattern that is taken.
    """
    if any(family.pattern == known.pattern for known in FAMILIES):
        raise ValueError(f"a family named {family.pattern!r} is registered already")
    FAMILIES.append(family)


def list_networks(kind: Optional[str] = None) -> List[str]:
    """Return the names of the networks in the usual depths; of one kind of images where it is
    named.
    """
    return [name for family in FAMILIES if kind in (None, family.kind) for name in family.names()]


def models_of(pattern: str, blocks: Sequence[int]) -> List[str]:
    """Return the names of a family's networks of so many blocks in each stage."""
    family = next(family for family in FAMILIES if family.pattern == pattern)
    return [pattern.format((family.step or 0) * count + 2) for count in blocks]


def match_family(name: str) -> Optional[Tuple[Family, int]]:
    """Return the family that a name belongs to and its depth, or None.

    Raises
    ------
    InputError
        For a depth that the family does not have.
    """
    for family in FAMILIES:
        match = re.fullmatch(family.pattern.format("([1-9][0-9]{0,5})"), str(name))
        if match:
            depth = int(match.group(1))
            family.blocks(depth)
            return family, depth
    return None


def find_family(name: str) -> Tuple[Family, int]:
    """Return the family that a name belongs to, and its depth.

    Raises
    ------
    InputError
        For a name of no family, or a depth that its family does not have.
    """
    found = match_family(name)
    if found is None:
        raise unknown("model", name, list_networks())
    return found


def check_described(
    name: str, kwargs: Dict[str, Any], needed: Sequence[str] = ("fusion", "classes")
) -> None:
    """Refuse what a file says of a network where it is none that a file can say.

    Parameters
    ----------
    name, kwargs : str and dict
        The network.
    needed : sequence of str
        Arguments that have to be among `kwargs`.

    Raises
    ------
    InputError
        For an unknown network or argument, a missing one, or a value of another kind.
    """
    family, depth = find_family(name)
    for argument in needed:
        if argument not in kwargs:
            raise InputError(f"{argument} of the network {name} is missing")
    told = {key: value for key, value in kwargs.items() if key not in LAYERS}
    if told != kwargs:
        raise InputError(f"{' and '.join(LAYERS)} of the network {name} cannot be said in a file")
    family.checked(depth, told)


def full_arguments(name: str, kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Return all that makes up a network, with the defaults that `kwargs` leaves: equal of two
    networks that are the same. (`last_gamma` is about the start of training, and left out.)
    """
    family, depth = find_family(name)
    defaults = family.arguments
    kwargs = family.checked(depth, kwargs)
    if not kwargs.get("deep_stem"):
        defaults.pop("stem_width", None)
    defaults.pop("last_gamma", None)
    return {argument: kwargs.get(argument, default) for argument, default in defaults.items()}


def build_network(
    name: str, ctx: Union[Context, Sequence[Context], None] = None, **kwargs
) -> HybridBlock:
    """Build a network by its name; `aff.get_model` says what it takes."""
    family, depth = find_family(name)
    devices = [ctx] if isinstance(ctx, Context) else ctx
    if devices is not None and not (devices and all(isinstance(d, Context) for d in devices)):
        raise InputError(f"ctx must be a Context such as mx.cpu(), or a list of them, got {ctx!r}")
    net = family.network(family.blocks(depth), **family.checked(depth, kwargs))
    if ctx is not None:
        choose_form(net, form_for(ctx))
        net.initialize(family.initializer(), ctx=ctx)
    return net


def count_parameters(net: HybridBlock) -> Tuple[int, int]:
    """Return numbers of parameters, ``(trainable, total)``; the difference is what takes no
    gradient.

    That is BatchNorm's running statistics, and its scale and centre where they are switched off.
    """
    parameters = net.collect_params().values()
    sizes = [(math.prod(parameter.shape), parameter.grad_req != "null") for parameter in parameters]
    return sum(size for size, trainable in sizes if trainable), sum(size for size, _ in sizes)
