"""From what a user says of a network (a short name, a depth, its structure) to the network's own
name and arguments, and to a name for a run of it.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..utils.errors import InputError, unknown
from .family import Family
from .registry import FAMILIES, find_family, list_networks, match_family

#: Arguments that change a network's structure; `blocks` and `num_layers` change its name.
STRUCTURE = (
    *("blocks", "num_layers", "channel_times", "start_layer", "deep_stem", "stem_width"),
    *("avg_down", "use_se", "last_gamma", "channels", "r", "backbone_fusion", "backbone_r"),
)
#: The network of a training script that names none, as the published scripts have it.
DEFAULT_MODELS = {
    "cifar": "resnet",
    "imagenet": "resnet50_v1b_askc",
    "segmentation": "fpn_resnet",
}
#: Blocks of each stage that a short name stands for: the CIFAR ResNet's is AFF-ResNet-32.
DEFAULT_BLOCKS = 5
#: What the names of generation 2 stand for, by kind of images: the family's pattern, its usual
#: depth, and the structure that it always had there.
SECOND: Dict[str, Dict[str, Tuple[str, int, Dict[str, Any]]]] = {
    "cifar": {
        "resnet": ("cifar_resnet{}_askc", 8, {"channel_times": 4, "avg_down": True}),
        "resnext": ("cifar_resnext{}_32x4d_askc", 11, {"avg_down": True}),
    },
    "imagenet": {
        "resnet": (
            "resnet{}_v1b_askc",
            50,
            {"deep_stem": True, "stem_width": 32, "avg_down": True},
        ),
        "resnext": (
            "resnext{}_32x4d_askc",
            50,
            {"deep_stem": True, "stem_width": 64, "avg_down": True},
        ),
    },
}
#: Kinds of networks that train on a kind of images: image files can be shown at any size.
SUITED = {
    "cifar": ("cifar",),
    "imagenet": ("imagenet", "cifar"),
    "segmentation": ("segmentation",),
}
#: Depths of the published CIFAR ResNeXts.
SHORT_DEPTHS = (29, 38, 47)
Network = Tuple[str, Dict[str, Any]]


def short_names(kind: Optional[str]) -> List[str]:
    """Return short names of networks for a kind of images."""
    shorts = [family.short for family in FAMILIES if family.short and kind in (None, family.kind)]
    return [
        name
        for short in shorts
        for name in ([short.format(d) for d in SHORT_DEPTHS] if "{}" in short else [short])
    ]


def _expand(name: str, kind: Optional[str], given: Dict[str, Any]) -> str:
    """Return a network's own name for a short one; what that implies is added to `given`."""
    for family in FAMILIES:
        if not family.short or kind not in (None, family.kind):
            continue
        match = re.fullmatch(family.short.replace("{}", r"(\d+)"), name)
        if match and match.groups():
            return family.pattern.format(match.group(1))
        if match:
            assert family.step
            given.update({key: value for key, value in family.usual.items() if key not in given})
            return family.pattern.format(family.step * given.pop("blocks", DEFAULT_BLOCKS) + 2)
    return name


def _family(name: str, kind: Optional[str]) -> Tuple[Family, int]:
    found = match_family(name)
    if found is None or (kind and found[0].kind not in SUITED[kind]):
        raise unknown("model", name, [*short_names(kind), *list_networks(kind)])
    return found


def _second(name: str, kind: str, given: Dict[str, Any]) -> str:
    """Return a network's own name for one of generation 2's; what that implies is added to
    `given`.
    """
    known = SECOND[kind]
    if name not in known:
        if match_family(name):
            return name
        raise unknown("model of generation 2", name, [*known, *list_networks(kind)])
    pattern, depth, structure = known[name]
    given.update({key: value for key, value in structure.items() if key not in given})
    family = next(family for family in FAMILIES if family.pattern == pattern)
    blocks = given.pop("blocks", None) if family.step else None
    return pattern.format(family.step * blocks + 2 if blocks and family.step else depth)


def network_from(
    given: Mapping[str, Any],
    kind: Optional[str] = None,
    before: Optional[Network] = None,
    generation: int = 1,
) -> Network:
    """Return the name and arguments of the network that is described.

    Parameters
    ----------
    given : mapping of str to object
        `model`, a network's name or a short one; `fusion`; and of `STRUCTURE` what is other than
        usual.
    kind : str, optional
        What it has to be for: ``'cifar'`` or ``'imagenet'``.
    before : (str, dict), optional
        The network that `given` changes, where it names none itself.
    generation : int, default 1
        2: ``resnet`` and ``resnext`` are the networks that these names had there.

    Returns
    -------
    name, kwargs : str and dict
        As `aff.get_model` takes them, without `classes`.

    Raises
    ------
    InputError
        For an unknown network, a depth that it does not have, or an argument that is not its.
    """
    structure = {key: given[key] for key in STRUCTURE if key in given}
    anew = before is None or "model" in given
    if before and not anew:
        said, kwargs = before[0], {k: v for k, v in before[1].items() if k != "classes"}
        name = said
    else:
        said = given.get("model") or DEFAULT_MODELS[kind or "imagenet"]
        kwargs = {"fusion": "ASKCFuse"}
        second = generation == 2 and kind is not None
        said = "resnet" if second and "model" not in given else said
        name = _second(said, str(kind), structure) if second else _expand(said, kind, structure)
    family, depth = _family(name, kind)
    if not anew and family.step and family.short and "{}" not in family.short:
        blocks = structure.pop("blocks", (depth - 2) // family.step)
        structure.setdefault("num_layers", family.step * blocks + 2)
    layers = structure.pop("num_layers", depth)
    if layers != depth:
        family.blocks(layers)
        name = family.pattern.format(layers)
    for key in structure:
        if key not in family.arguments:
            why = ": the model's name gives the depth" if key == "blocks" else ""
            raise InputError(f"{{{key}}} is not for {{model}} {said}{why}")
    if "fusion" in given:
        kwargs["fusion"] = given["fusion"]
    if family.kind == "imagenet":
        kwargs.setdefault("last_gamma", False)
    kwargs = {**kwargs, **structure, **(family.started if anew else {})}
    return name, family.checked(layers, kwargs)


def short_name(name: str, kwargs: Dict[str, Any]) -> str:
    """Return a network in a run's name: ``resnet32-c4-ASKCFuse``."""
    base = re.sub(r"cifar_|_askc$", "", name)
    times, start = kwargs.get("channel_times", 1), kwargs.get("start_layer", 1)
    usual = find_family(name)[0].arguments.get("r")
    r = kwargs.get("r", usual)
    own, channels = kwargs.get("backbone_fusion"), kwargs.get("channels")
    parts = [
        base,
        f"c{times}" if times != 1 else "",
        f"s{start}" if start != 1 else "",
        "deepstem" if kwargs.get("deep_stem") else "",
        "avgdown" if kwargs.get("avg_down") else "",
        "se" if kwargs.get("use_se") else "",
        f"w{channels}" if channels else "",
        f"r{r}" if r != usual else "",
        own if own and own != "DirectAdd" else "",
        str(kwargs["fusion"]),
    ]
    return "-".join(part for part in parts if part)
