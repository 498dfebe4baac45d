"""A family of networks: one kind, of several depths, and the arguments that its networks take."""

from __future__ import annotations

import inspect
import numbers
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from mxnet import init
from mxnet.gluon import HybridBlock

from ..nn.fusion import resolve_fusion
from ..utils.errors import InputError, unknown
from ..utils.report import printable

MAX_DEPTH = 2000
IMAGENET_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
#: Arguments that are whole numbers, and more than anybody can use of each.
_WHOLE = {
    **{"classes": 1 << 24, "channel_times": 1 << 16, "start_layer": 8, "stem_width": 1 << 16},
    **{"channels": 1 << 16, "r": 1 << 16, "backbone_r": 1 << 16},
}
LAYERS = ("norm_layer", "norm_kwargs")
FUSIONS = ("fusion", "backbone_fusion")
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
        Depths to list, unless `listed` says which of them.
    step : int, optional
        Depths are ``step * b + 2`` for b blocks in each of three stages; without it they are those
        of `IMAGENET_BLOCKS` that are listed.
    size : int
        Usual height and width of the input.
    initializer : callable
        Gives the initializer that the published runs used.
    kind : str
        What it is for: ``'cifar'``, small images in memory, ``'imagenet'``, image files, or
        ``'segmentation'``, images of either with a class for every pixel.
    short : str
        Name that the training scripts take too: ``{}`` stands for the depth; without it the depth
        is that of the number of blocks.
    started : dict
        Arguments that the published runs started with, though no flag of theirs says so.
    usual : dict
        Arguments that its short name stands for.
    listed : tuple of int
        Depths to list, where they are fewer.
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
    listed: Tuple[int, ...] = ()

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
        return [self.pattern.format(depth) for depth in self.listed or self.depths]

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
            left = value is None and self.arguments[argument] is None
            most = None if left else _WHOLE.get(argument)
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
        named = {key: resolve_fusion(kwargs[key]) for key in FUSIONS if key in kwargs}
        return {**kwargs, **named}
