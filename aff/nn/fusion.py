"""Two-input fusion blocks and their registry: how a residual block joins its body with its
shortcut.

Implements "Attentional Feature Fusion" (Dai et al., WACV 2021, arXiv 2009.14082v2), equations 1 to
5, as its published code computes it. A fusion takes ``(x, residual)``, both (N, C, H, W), where `x`
is the body's output and `residual` the shortcut's, and gives (N, C, H, W). A block that holds one
never asks which one it is.

Names are the published values of ``--askc-type``; `AFF`, `iAFF` and `Add` are aliases. The
attributes (`local_att`, `global_att`, ...) and the indices inside them are the checkpoint format
and are never renamed.
"""

from __future__ import annotations

import functools
import inspect
from typing import Callable, Dict, List, Tuple, Type, TypeVar

import mxnet as mx
from mxnet.gluon import Block, HybridBlock

from ..utils.errors import unknown
from .anywhere import SoftSelection
from .attention import (
    TwoBranches,
    flat,
    global_context,
    joint_logits,
    local_context,
    unflat,
)
from .forms import CPU, GPU, computes_natively
from .layers import Normalization
from .native import operator as native

F = TypeVar("F", bound=HybridBlock)
_FUSIONS: Dict[str, Type[HybridBlock]] = {}
_ALIASES: Dict[str, str] = {}


def register_fusion(name: str, *aliases: str) -> Callable[[Type[F]], Type[F]]:
    """Make a fusion known under its name and further aliases; a class decorator.

    The class is called as ``cls(channels, r, norm)`` (channels C of the inputs, the reduction
    ratio, and a `Normalization` that builds normalisation layers), and its blocks with ``(x,
    residual)``, both (N, C, H, W), to give (N, C, H, W). One that has a weight derives from
    :class:`aff.nn.Attentive`, which says what it weighs. A fusion whose operators the count of
    multiply-adds does not know declares them: ``own_multiply_adds(self, shape)``, of its own
    operators (its children are counted by themselves), for one image of `shape` (C, H, W). One that
    joins more than two maps in a way of its own also takes ``inputs``, their number.

    Parameters
    ----------
    name, *aliases : str
        What ``get_model(fusion=...)`` and ``--fusion`` take.

    Raises
    ------
    ValueError
        For a name that is taken.
    TypeError
        For what is no class of a Gluon HybridBlock.
    """

    def register(cls: Type[F]) -> Type[F]:
        for key in (name, *aliases):
            if key in _FUSIONS or key in _ALIASES:
                raise ValueError(f"a fusion named {key!r} is registered already")
        if not (isinstance(cls, type) and issubclass(cls, HybridBlock)):
            raise TypeError(f"fusion {name!r}: {cls!r} is no class of a Gluon HybridBlock")
        try:
            inspect.signature(cls).bind("channels", "r", "norm")
        except TypeError as error:
            raise TypeError(
                f"fusion {name!r}: {cls.__name__} must be made of (channels, r, norm): {error}"
            ) from error
        _FUSIONS[name] = cls
        _ALIASES.update({alias: name for alias in aliases})
        return cls

    return register


def list_fusions() -> List[str]:
    """Return the names of all fusions, as ``get_model(fusion=...)`` takes them."""
    return list(_FUSIONS)


def resolve_fusion(name: str) -> str:
    """Return the published name of a fusion given by that name or by an alias (`AFF`, `iAFF`,
    `Add`).

    Raises
    ------
    InputError
        When no fusion has this name; the message names some that exist.
    """
    resolved = _ALIASES.get(str(name), str(name))
    if resolved not in _FUSIONS:
        raise unknown("fusion", name, [*_ALIASES, *_FUSIONS])
    return resolved


def fusion_title(name: str) -> str:
    """Return what the paper calls a fusion (`AFF`, `iAFF`, `Add`), or an alias of a fusion of one's
    own; its name where there is no other.
    """
    name = _ALIASES.get(name, name)
    return next((alias for alias, target in _ALIASES.items() if target == name), name)


def fusion_names(name: str) -> str:
    """Return title and name of a fusion, as in ``AFF (ASKCFuse)``."""
    title, name = fusion_title(name), _ALIASES.get(name, name)
    return title if title == name else f"{title} ({name})"


def describe_fusions() -> List[Tuple[str, List[str], str]]:
    """Return name, aliases and first sentence of the description of each fusion."""
    return [
        (
            name,
            [alias for alias, target in _ALIASES.items() if target == name],
            " ".join((cls.__doc__ or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".:"),
        )
        for name, cls in _FUSIONS.items()
    ]


def is_fusion(block: HybridBlock) -> bool:
    """Tell whether a block is one of the registered fusions."""
    return type(block) in (SoftSelection, *_FUSIONS.values())


def fusion_class(name: str) -> Type[HybridBlock]:
    """Return the class of a fusion given by its name or an alias."""
    return _FUSIONS[resolve_fusion(name)]


def heeds_ratio(name: str) -> bool:
    """Tell whether a fusion's parameters are others for another reduction ratio r, as those of a
    bottleneck are.
    """
    return _heeds_ratio(fusion_class(name))  # type: ignore[arg-type]  # a class is hashable


@functools.lru_cache(maxsize=None)
def _heeds_ratio(cls: Type[HybridBlock]) -> bool:
    made = (cls(16, r, Normalization()) for r in (2, 4))
    shapes = [[array.shape for array in one.collect_params().values()] for one in made]
    return shapes[0] != shapes[1]


@register_fusion("DirectAdd", "Add")
class DirectAdd(HybridBlock):
    """Addition, ``x + residual``: the join of a plain ResNet and the paper's baseline. It has no
    parameters.
    """

    def __init__(self, channels: int, r: int, norm: Normalization, inputs: int = 2):
        super().__init__()

    def hybrid_forward(self, F, x, *others):
        return functools.reduce(F.elemwise_add, others, x)


@register_fusion("ASKCFuse", "AFF")
class AFF(TwoBranches):
    """Attentional feature fusion, equation 4: ``2 (M(x + residual) x + (1 - M(x + residual))
    residual)``.

    The factor 2, absent from the equation, is the published code's: at M = 1/2 the block adds its
    inputs.

    Parameters
    ----------
    channels : int
        Channels of the inputs.
    r : int
        Reduction ratio of both contexts.
    norm : Normalization
        Builds the normalisation layers.
    """

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)
            self.global_att = global_context(channels, r, norm)

    def is_native(self, F):
        return type(self) is AFF and computes_natively(F, self, *self._children.values())

    def natively(self, F, x, residual, activate=False):
        return native.select(F, self.local_att, self.global_att, x, residual, activate=activate)


@register_fusion("ResGlobLocaforGlobLocaCha", "iAFF")
class IAFF(TwoBranches):
    """Iterative attentional feature fusion, equation 5, without the factor 2 that the published
    `AFF` has.

    ``U = M1(x + residual) x + (1 - M1(x + residual)) residual``, then ``M2(U) x + (1 - M2(U))
    residual``; M1 (`local_att`, `global_att`) and M2 (`local_att2`, `global_att2`) have weights of
    their own.

    Parameters are those of :class:`AFF`.
    """

    sums = False

    def __init__(self, channels: int, r: int, norm: Normalization):
        super().__init__()
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)
            self.global_att = global_context(channels, r, norm)
            self.local_att2 = local_context(channels, r, norm)
            self.global_att2 = global_context(channels, r, norm)

    def _logits2(self, F, z):
        return joint_logits(F, self.local_att2(z), self.global_att2(z))

    def steps(self):
        return self.logits, self._logits2

    def _last(self, F, x, residual):
        """Return the logits of M2, and ``x - residual``."""
        first, second = self.steps()
        initial = F.elemwise_add(x, residual)
        difference = F.elemwise_sub(flat(F, x), flat(F, residual))
        refined = self._selected(F, first(F, initial), difference, residual)
        return second(F, refined), difference

    def logits_of(self, F, x, residual):
        return self._last(F, x, residual)[0]

    def is_native(self, F):
        return type(self) is IAFF and computes_natively(F, self, *self._children.values())

    def natively(self, F, x, residual, activate=False):
        refined = native.select(F, self.local_att, self.global_att, x, residual, scale=0.5)
        return native.select(
            *(F, self.local_att2, self.global_att2, x, residual, refined),
            scale=0.5,
            activate=activate,
        )

    def hybrid_forward(self, F, x, residual):
        if self.is_native(F):
            return self.natively(F, x, residual)
        logits, difference = self._last(F, x, residual)
        return self._selected(F, logits, difference, residual)

    @staticmethod
    def _selected(F, logits, difference, residual):
        """Return ``w x + (1 - w) residual``."""
        weight = F.Activation(logits, act_type="sigmoid")
        moved = unflat(F, F.elemwise_mul(weight, difference), residual)
        return F.elemwise_add(residual, moved)


def form_in_use(net: Block) -> str:
    """Return the form in which a network computes `AFF` and `iAFF`: ``'native'``, or Gluon's
    operators and why; an empty text where it has neither.
    """
    if type(net) is SoftSelection and type(net.fusions[0]) in (AFF, IAFF):
        return "Gluon's operators (the native one is for two inputs)"
    if type(net) in (AFF, IAFF):
        if net.form in (CPU, GPU):
            return f"Gluon's operators (the form for {net.form.upper()}s)"
        if net.is_native(mx.nd):
            return "native"
        limits = "the native one is for float32 on CPUs, with BatchNorm"
        return f"Gluon's operators ({native.why_not() or limits})"
    return next(filter(None, map(form_in_use, net._children.values())), "")
