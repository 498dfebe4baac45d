"""From a command's network and data flags to what the model zoo takes."""

from __future__ import annotations

import argparse
import copy
import re
from typing import Any, Dict, Sequence, Tuple

from mxnet import Context
from mxnet.gluon import HybridBlock

from ...models.factory import get_model, resolve_model
from ...models.inference import optimize_for_inference
from ...models.registry import checked_arguments, list_networks, match_family, model_arguments
from ...training.amp import Float32
from ...training.trainer import hybridize
from ...utils.errors import InputError, unknown

SHORT_NAMES = ("resnet", "resnext29_32x4d", "resnext38_32x4d", "resnext47_32x4d")
RESNET_DEFAULTS = {"blocks": 5, "channel_times": 4}
FLAGS = {
    argument: f"--{argument.replace('_', '-')}"
    for argument in (
        "blocks",
        "channel_times",
        "start_layer",
        "deep_stem",
        "stem_width",
        "avg_down",
        "use_se",
    )
}


def structure(options: argparse.Namespace, name: str, said: str = "") -> Dict[str, Any]:
    """The structure flags that were given, as arguments of the network `name`, which a message
    calls as it was `said`.

    Raises
    ------
    InputError
        For a flag that the network does not have, or an unknown name.
    """
    given = {flag: getattr(options, flag) for flag in FLAGS if hasattr(options, flag)}
    model, _ = resolve_model(name)
    valid = model_arguments(model)
    for flag in given:
        if flag not in valid:
            why = ": the model's name gives the depth" if flag == "blocks" else ""
            raise InputError(f"{FLAGS[flag]} is not for {said or name}{why}")
    return given


def resolve(
    options: argparse.Namespace, classes: int, kind: str = ""
) -> Tuple[str, Dict[str, Any]]:
    """Name and keyword arguments for `aff.get_model` from the flags of `add_model_arguments`.

    Parameters
    ----------
    options : argparse.Namespace
        The flags.
    classes : int
        Outputs of the network.
    kind : str
        Start of the names that are allowed, e.g. ``'cifar_'``.

    Raises
    ------
    InputError
        For a flag that the network does not have, or an unknown name.
    """
    options, name, said = copy.copy(options), options.model, options.model
    if name == "resnet":
        options.channel_times = getattr(options, "channel_times", RESNET_DEFAULTS["channel_times"])
        name = f"cifar_resnet{6 * getattr(options, 'blocks', RESNET_DEFAULTS['blocks']) + 2}_askc"
        if hasattr(options, "blocks"):
            del options.blocks
    elif re.fullmatch(r"resnext\d+_32x4d", name):
        name = f"cifar_{name}_askc"
    elif match_family(name) is None or not name.startswith(kind):
        names = [*SHORT_NAMES, *(model for model in list_networks() if model.startswith(kind))]
        raise unknown("model", name, names)
    kwargs = {
        "fusion": options.fusion,
        "classes": classes,
        **structure(options, name, f"--model {said}"),
    }
    if name.startswith("cifar_resnext"):
        # How the published ResNeXt runs started, though no flag of theirs says so.
        kwargs["last_gamma"] = True
    return name, checked_arguments(name, kwargs)


def build(
    name: str,
    kwargs: Dict[str, Any],
    devices: Sequence[Context],
    precision: Float32,
    mode: str,
) -> HybridBlock:
    """A network, initialized on all devices and ready to run in its number format."""
    return ready(get_model(name, ctx=list(devices), **kwargs), precision, mode)


def ready(net: HybridBlock, precision: Float32, mode: str) -> HybridBlock:
    """The network, in its number format and compiled where that is its mode."""
    precision.prepare(net)
    if mode == "hybrid":
        hybridize(net)
    return net


def ready_to_infer(
    net: HybridBlock, devices: Sequence[Context], precision: Float32, mode: str
) -> HybridBlock:
    """A network with its parameters, made for inference: ``'optimized'`` on one CPU device, and
    elsewhere compiled.
    """
    if mode == "optimized" and len(devices) == 1 and devices[0].device_type == "cpu":
        return optimize_for_inference(net)
    return ready(net, precision, "hybrid" if mode == "optimized" else mode)


def short_name(name: str, kwargs: Dict[str, Any]) -> str:
    """A network in a run's name: ``resnet32-c4-ASKCFuse``."""
    base = re.sub(r"^cifar_|_askc$", "", name)
    times, start = kwargs.get("channel_times", 1), kwargs.get("start_layer", 1)
    parts = [
        base,
        f"c{times}" if times != 1 else "",
        f"s{start}" if start != 1 else "",
        "deepstem" if kwargs.get("deep_stem") else "",
        "avgdown" if kwargs.get("avg_down") else "",
        "se" if kwargs.get("use_se") else "",
        str(kwargs["fusion"]),
    ]
    return "-".join(part for part in parts if part)
