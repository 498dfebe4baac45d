"""Names to networks: the one factory behind every command and behind ``aff.get_model``."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from mxnet.gluon import HybridBlock

from ..utils.errors import InputError, unknown
from .features import FeatureMaps
from .parameters import Devices
from .pretrained import load_published
from .records import WEIGHTS
from .registry import build_network, list_networks, match_family
from .weights import list_published


def list_models() -> List[str]:
    """Return the names that `get_model` takes: the networks in their usual depths (CIFAR ResNets
    exist in every depth 6b+2, ResNeXts in every 9b+2, Inceptions in every 3b+2), the segmentation
    networks over them (``fpn_...``, ``unet_...``), then those with published parameters.
    """
    return [*list_networks(), *list_published()]


def resolve_model(name: str) -> Tuple[str, Dict[str, Any]]:
    """Return the network's own name, and the arguments that the name implies: those of a published
    network.

    Raises
    ------
    InputError
        For an unknown name; the message names some that exist.
    """
    if str(name) in WEIGHTS:
        return WEIGHTS[name].model, dict(WEIGHTS[name].kwargs)
    if match_family(name) is None:
        raise unknown("model", name, list_models())
    return name, {}


def get_model(
    name: str,
    *,
    pretrained: bool = False,
    root: Optional[str] = None,
    ctx: Devices = None,
    features_only: bool = False,
    **kwargs,
) -> HybridBlock:
    """Build a network by name.

    Parameters
    ----------
    name : str
        One of `list_models()`, or another depth of the CIFAR families. The name of published
        parameters stands for the network that they fit.
    pretrained : bool, default False
        Load the parameters that are published under this name; see `load_published`. With
        `classes` other than theirs the output layer is a new one, drawn at random.
    root : str, default 'params'
        Folder of published parameters; they are fetched where they are not there.
    ctx : Context or list of Context, optional
        Where given, the parameters are initialized there (Xavier; ImageNet networks MSRA-PReLU, as
        published), ready to be used or loaded into. Pretrained networks go to `cpu()` without it.
    features_only : bool, default False
        Give the maps of every stage in place of logits: an `aff.models.features.FeatureMaps`, with
        their `channels` and `strides`.
    **kwargs
        `fusion` (default ``'ASKCFuse'``); `classes` (100, or 1000 for ImageNet networks);
        `start_layer`, the first stage, from 1, that uses the fusion (1, or 3 for ImageNet
        networks); `channel_times`; `r`, the fusions' reduction ratio (4, or 16 in bottlenecks);
        `deep_stem` and its `stem_width`; `avg_down`; `use_se`;
        `last_gamma`, zero in the last gamma of every block; `norm_layer` (e.g.
        `mxnet.gluon.contrib.nn.SyncBatchNorm`) and its `norm_kwargs`; of segmentation networks
        (`classes` 21) `channels` and `r` of :class:`aff.models.fpn.FPN`, and `backbone_fusion`
        (``'DirectAdd'``), which is what `fusion` is to their backbone; as far as the network has
        them.

    Returns
    -------
    HybridBlock
        (N, 3, H, W) to logits (N, classes), of segmentation networks (N, classes, H, W); or to
        the tuple of the stages' maps.

    Raises
    ------
    InputError
        For an unknown model, fusion or argument, or a value out of range (the message names the
        valid ones), and for published parameters that cannot be had.
    """
    if features_only:
        return FeatureMaps(get_model(name, pretrained=pretrained, root=root, ctx=ctx, **kwargs))
    if not pretrained:
        if root is not None:
            raise InputError("root is the folder of published parameters: it needs pretrained=True")
        model, implied = resolve_model(name)
        return build_network(model, ctx=ctx, **{**implied, **kwargs})
    if str(name) not in WEIGHTS:
        model, _ = resolve_model(name)
        fitting = [record.name for record in WEIGHTS.values() if record.model == model]
        of = "of this network" if fitting else "at all"
        raise InputError(
            f"{name} is no name of published parameters; those {of}: "
            f"{', '.join(fitting or WEIGHTS)}"
        )
    classes = kwargs.pop("classes", None)
    fixed = [argument for argument in kwargs if argument not in ("norm_layer", "norm_kwargs")]
    if fixed:
        raise InputError(
            f"{name} is published with {WEIGHTS[name].kwargs}: with pretrained=True it takes no "
            f"{', '.join(fixed)}"
        )
    return load_published(name, ctx=ctx, root=root, classes=classes, **kwargs)
