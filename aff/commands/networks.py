"""From a command's network and data flags to what the model zoo takes."""

from __future__ import annotations

import argparse
import re
from typing import Dict, Sequence, Tuple

from mxnet import Context
from mxnet.gluon import HybridBlock

from ..errors import InputError, unknown
from ..model_zoo import get_model, list_models, model_arguments
from ..training.loop import hybridize
from ..training.precision import Float32

SHORT_NAMES = ("resnet", "resnext29_32x4d", "resnext38_32x4d", "resnext47_32x4d")
RESNET_DEFAULTS = {"blocks": 5, "channel_times": 4}
FLAGS = {
    "blocks": "--blocks",
    "channel_times": "--channel-times",
    "start_layer": "--start-layer",
    "deep_stem": "--deep-stem",
}


def resolve(options: argparse.Namespace, classes: int) -> Tuple[str, Dict[str, object]]:
    """Name and keyword arguments for `aff.get_model` from the flags of `add_model_arguments`.

    Raises
    ------
    InputError
        For a flag that the network does not have, or an unknown name.
    """
    given = {flag: getattr(options, flag) for flag in FLAGS if hasattr(options, flag)}
    name = options.model
    if name == "resnet":
        given = {**RESNET_DEFAULTS, **given}
        name = f"cifar_resnet{6 * given.pop('blocks') + 2}_askc"
    elif re.fullmatch(r"resnext\d+_32x4d", name):
        name = f"cifar_{name}_askc"
    elif not name.startswith("cifar_"):
        raise unknown("model", name, [*SHORT_NAMES, *list_models()])
    valid = model_arguments(name)
    for flag in given:
        if flag not in valid:
            raise InputError(
                f"{FLAGS[flag]} is not for --model {options.model}: its name gives what that "
                "would set"
                if flag == "blocks"
                else f"{FLAGS[flag]} is not for --model {options.model}"
            )
    if "last_gamma" in valid:
        # How the published ResNeXt runs started, though no flag of theirs says so.
        given["last_gamma"] = True
    return name, {"fusion": options.fusion, "classes": classes, **given}


def build(
    name: str,
    kwargs: Dict[str, object],
    devices: Sequence[Context],
    precision: Float32,
    mode: str,
) -> HybridBlock:
    """A network, initialized (Xavier) on all devices and ready to run in its number format."""
    net = get_model(name, ctx=list(devices), **kwargs)
    precision.prepare(net)
    if mode == "hybrid":
        hybridize(net)
    return net


def short_name(name: str, kwargs: Dict[str, object]) -> str:
    """A network in a run's name: ``resnet32-c4-ASKCFuse``."""
    base = re.sub(r"^cifar_|_askc$", "", name)
    times, start = kwargs.get("channel_times", 1), kwargs.get("start_layer", 1)
    parts = [
        base,
        f"c{times}" if times != 1 else "",
        f"s{start}" if start != 1 else "",
        "deepstem" if kwargs.get("deep_stem") else "",
        str(kwargs["fusion"]),
    ]
    return "-".join(part for part in parts if part)
