"""The families of networks: how a name gives a class and its depth, and how one is built.

A family is one entry of `FAMILIES`; nothing else asks which one a network is of.
"""

from __future__ import annotations

import inspect
import math
import numbers
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from mxnet import Context, init
from mxnet.gluon import HybridBlock

from ..nn.forms import choose_form, form_for
from ..nn.fusion import resolve_fusion
from ..utils.errors import InputError, unknown
from ..utils.report import printable
from .inception import CIFARInception
from .resnet import CIFARResNet, ResNetV1b
from .resnext import CIFARResNeXt, ResNeXt

MAX_DEPTH = 2000
IMAGENET_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
#: Arguments that are whole numbers, and more than anybody can use of each.
_WHOLE = {"classes": 1 << 24, "channel_times": 1 << 16, "start_layer": 8, "stem_width": 1 << 16}
_LAYERS = ("norm_layer", "norm_kwargs")
_SWITCHES = ("deep_stem", "avg_down", "use_se", "last_gamma")


@dataclass(frozen=True)
class NetworkSettings:
    """A network as files name it; `aff.get_model` takes both, once `check_described` has."""

    name: str
    kwargs: Dict[str, Any]


@dataclass(frozen=True)
class Family:
    """Networks of one kind and several depths.

    Parameters
    ----------
    pattern : str
        Their names, with ``{}`` for the depth.
    network : callable
        The class; its first argument is the number of blocks of each stage.
    depths : tuple of int
        Depths to list.
    step : int, optional
        Depths are ``step * b + 2`` for b blocks in each of three stages; without it they are those
        of `IMAGENET_BLOCKS` that are listed.
    size : int
        Usual height and width of the input.
    initializer : callable
        Gives the initializer that the published runs used.
    kind : str
        What it is for: ``'cifar'``, small images in memory, or ``'imagenet'``, image files.
    short : str
        Name that the training scripts take too: ``{}`` stands for the depth; without it the depth
        is that of the number of blocks.
    started : dict
        Arguments that the published runs started with, though no flag of theirs says so.
    usual : dict
        Arguments that its short name stands for.
    """

    pattern: str
    network: Callable[..., HybridBlock]
    depths: Tuple[int, ...]
    size: int
    initializer: Callable[[], init.Initializer]
    kind: str
    step: Optional[int] = None
    short: str = ""
    started: Dict[str, Any] = field(default_factory=dict)
    usual: Dict[str, Any] = field(default_factory=dict)

    def blocks(self, depth: int) -> Tuple[int, ...]:
        """Return blocks of each stage.

        Raises
        ------
        InputError
            For a depth that the family does not have.
        """
        if self.step is None:
            if depth in self.depths:
                return IMAGENET_BLOCKS[depth]
            rule = f"one of {', '.join(map(str, self.depths))}"
        else:
            if self.step + 2 <= depth <= MAX_DEPTH and (depth - 2) % self.step == 0:
                return ((depth - 2) // self.step,) * 3
            some = ", ".join(str(self.step * b + 2) for b in range(1, 6))
            rule = f"{self.step}b+2, e.g. {some}, and at most {MAX_DEPTH}"
        raise InputError(
            f"model {self.pattern.format(depth)!r}: the depth of {self.pattern.format('<depth>')} "
            f"must be {rule}"
        )

    def names(self) -> List[str]:
        """Return the names of the listed depths."""
        return [self.pattern.format(depth) for depth in self.depths]

    @property
    def arguments(self) -> Dict[str, Any]:
        """The keyword arguments that its networks take, with their defaults."""
        hidden = {"self", "blocks", "cardinality", "bottleneck_width"}
        parameters = inspect.signature(self.network).parameters
        return {name: item.default for name, item in parameters.items() if name not in hidden}

    def checked(self, depth: int, kwargs: Dict[str, Any]) -> Dict[str, Any]:
        """Return the arguments of a network, each known and of its kind; the fusion by its
        published name.

        Raises
        ------
        InputError
            For an unknown argument, or a value out of range.
        """
        name, last = self.pattern.format(depth), len(self.blocks(depth)) + 1
        for argument, value in kwargs.items():
            if argument not in self.arguments:
                raise unknown(f"argument of {name}", argument, ["ctx", *self.arguments])
            whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            most = _WHOLE.get(argument)
            if most and not (whole and 1 <= value <= most):
                raise InputError(
                    f"{argument} must be a whole number of at least 1 and at most {most:,}, got "
                    f"{printable(repr(value), 60)}"
                )
            if argument == "start_layer" and value > last:
                raise InputError(
                    f"start_layer of {name} must be 1 to {last} ({last} adds everywhere), got "
                    f"{value}"
                )
            if argument in _SWITCHES and not isinstance(value, bool):
                raise InputError(f"{argument} must be True or False, got {value!r}")
        if "stem_width" in kwargs and not kwargs.get("deep_stem"):
            raise InputError(
                f"stem_width of {name} is that of the deep stem: it needs deep_stem=True"
            )
        if "fusion" in kwargs:
            kwargs = {**kwargs, "fusion": resolve_fusion(kwargs["fusion"])}
        return kwargs


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
        match = re.fullmatch(family.pattern.format("([1-9][0-9]*)"), str(name))
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
    told = {key: value for key, value in kwargs.items() if key not in _LAYERS}
    if told != kwargs:
        raise InputError(f"{' and '.join(_LAYERS)} of the network {name} cannot be said in a file")
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
