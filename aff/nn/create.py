"""Fusions by name, of what people have: the factory behind ``aff.create_fusion``."""

from __future__ import annotations

import inspect
from typing import Optional, Sequence, Tuple

from mxnet.gluon import HybridBlock

from ..utils.errors import InputError
from .anywhere import FeatureFusion, SoftSelection
from .arguments import check_ndim, check_whole, is_whole
from .attention import Attentive, select
from .fusion import fusion_class
from .layers import Normalization, NormLayer


def create_fusion(
    name: str,
    channels: int,
    r: int = 4,
    norm_layer: Optional[NormLayer] = None,
    norm_kwargs: Optional[dict] = None,
    *,
    ndim: int = 2,
    inputs: int = 2,
    in_channels: Optional[Sequence[int]] = None,
    resize: bool = False,
) -> HybridBlock:
    """Return a fusion block of its own, to join features: two maps of one shape, or what else the
    last four arguments say.

    Parameters
    ----------
    name : str
        One of `list_fusions()`, or an alias: `AFF`, `iAFF`, `Add`, or a row of the paper's tables
        (`MS-GAU`, `MS-SENet`, `MS-SA`, `Half-AFF`, `Concat-AFF`).
    channels : int
        Channels C of the output, and of the inputs where `in_channels` says nothing else.
    r : int, default 4
        Channel reduction ratio of the attention's bottleneck, C to C/r; the published networks use
        4 in the CIFAR ResNet block and 16 elsewhere.
        Fusions without a bottleneck, and `SKFuse`, whose own is C/4, do not use it.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.
    ndim : int, default 2
        Dimensions of the features: 1, 2 or 3, for (N, C, L), (N, C, H, W) or (N, C, D, H, W).
    inputs : int, default 2
        How many are joined. Of three and more a soft selection is that of
        :class:`aff.nn.SoftSelection`; refinements and modulations are of two alone.
    in_channels : sequence of int, optional
        Channels of each input; those of other widths than C go through a 1x1 convolution.
    resize : bool, default False
        Bring inputs of other sizes to the first one's, by (bi-, tri-)linear interpolation.

    Returns
    -------
    HybridBlock
        Called with ``(x, residual)``, each (N, C, H, W), it gives (N, C, H, W). With any of the
        last four arguments it is an :class:`aff.nn.FeatureFusion`, whose `fusion` is that block.

    Raises
    ------
    InputError
        For an unknown name, a value out of range, a reduction that leaves no channel, or more
        inputs than the fusion is defined for.
    """
    cls, what = fusion_class(name), f"fusion {name}"
    check_whole(what, channels=channels, r=r)
    check_whole(what, 2, inputs=inputs)
    check_ndim(what, ndim)
    if not isinstance(resize, bool):
        raise InputError(f"{what}: resize must be True or False, got {resize!r}")
    norm = Normalization(norm_layer, norm_kwargs)
    fusion = cls(channels, r, norm) if inputs == 2 else _of_many(name, channels, r, norm, inputs)
    if in_channels is None and (ndim, inputs, resize) == (2, 2, False):
        return fusion
    if ndim != 2 and _looks_around(fusion):
        raise InputError(f"{what} looks at neighbouring positions: it is one of ndim=2 alone")
    widths = _widths(name, channels, inputs, in_channels)
    return FeatureFusion(fusion, channels, ndim, widths, resize)


def _widths(
    name: str, channels: int, inputs: int, in_channels: Optional[Sequence[int]]
) -> Tuple[int, ...]:
    if in_channels is None:
        return (channels,) * inputs
    given = in_channels if isinstance(in_channels, (list, tuple)) else ()
    known = [own for own in given if is_whole(own)]
    if len(known) != inputs or len(given) != inputs:
        raise InputError(
            f"fusion {name}: in_channels must be {inputs} whole numbers, the channels of each "
            f"input, got {in_channels!r}"
        )
    return tuple(map(int, known))


def _of_many(name: str, channels: int, r: int, norm: Normalization, inputs: int) -> HybridBlock:
    """Return a fusion of more than two maps: by its class's own argument `inputs`, or as a
    `SoftSelection`.
    """
    cls = fusion_class(name)
    if "inputs" in inspect.signature(cls).parameters:
        return cls(channels, r, norm, inputs=inputs)
    if issubclass(cls, Attentive) and cls.join is select and cls.sees_sum:
        own = cls.hybrid_forward is not Attentive.hybrid_forward
        if not own or cls.steps is not Attentive.steps:
            return SoftSelection([cls(channels, r, norm) for _ in range(inputs - 1)])
    raise InputError(
        f"fusion {name} is defined for two inputs, one of which it weighs: inputs={inputs} needs "
        "one that adds, concatenates or selects (AFF, iAFF, Add, Concat, SKFuse, ...)"
    )


def _looks_around(block: HybridBlock) -> bool:
    """Tell whether a layer of a block looks at more than one position, and not at all of them."""
    settings = getattr(block, "_kwargs", {})
    kernel = () if settings.get("global_pool") else settings.get("kernel", ())
    return any(size != 1 for size in kernel) or any(map(_looks_around, block._children.values()))
