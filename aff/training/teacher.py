"""The teacher of a distillation: a GluonCV network, or one of ours with parameters."""

from __future__ import annotations

from typing import Optional, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..models.factory import get_model
from ..models.parameters import load_fitting
from ..models.pretrained import load_parameters, load_published
from ..models.records import WEIGHTS
from ..models.registry import match_family
from ..utils.errors import InputError, last_line
from .amp import Float32
from .network import hybridize


def build_teacher(
    name: str,
    params: Optional[str],
    classes: int,
    devices: Sequence[mx.Context],
    precision: Float32,
    size: int = 224,
) -> HybridBlock:
    """Return a network with parameters, ready to be asked.

    Parameters
    ----------
    name : str
        One of the published, one of ours, or one of GluonCV's.
    params : str, optional
        Its parameter file. Published parameters need none, and those of GluonCV are downloaded
        without one.
    classes : int
        Outputs that it has to have.
    devices : list of Context
        Where it goes.
    precision : Float32
        Its number format.
    size : int, default 224
        Height and width of the images that it will be asked about.

    Raises
    ------
    InputError
        For an unknown network, one without parameters, or one of another number of outputs.
    """
    net = _named(name, params, classes, list(devices))
    precision.cast(net)
    image = mx.nd.zeros((1, 3, size, size), ctx=devices[0], dtype=precision.dtype)
    try:
        outputs = net(image).shape
    except mx.MXNetError as error:
        raise InputError(
            f"{{teacher}} {name}: cannot be asked about images of {size} x {size} pixels "
            f"({last_line(error)[:80]})"
        ) from error
    if outputs != (1, classes):
        raise InputError(
            f"{{teacher}} {name} has {outputs[-1]} outputs, the data {classes} classes"
        )
    hybridize(net)
    return net


def _named(name: str, params: Optional[str], classes: int, devices: list) -> HybridBlock:
    if name in WEIGHTS and params is None:
        return load_published(name, devices)
    if name in WEIGHTS or match_family(name):
        if params is None:
            raise InputError(f"{{teacher}} {name} needs {{teacher_params}} FILE")
        net = get_model(name, classes=classes, ctx=devices)
        load_parameters(net, params)
        return net
    return _of_gluoncv(name, params, classes, devices)


def _of_gluoncv(name: str, params: Optional[str], classes: int, devices: list) -> HybridBlock:
    from gluoncv.model_zoo import get_model as gluoncv_model
    from gluoncv.model_zoo import get_model_list

    if name.lower() not in get_model_list():
        raise InputError(f"{{teacher}} {name}: neither ours nor GluonCV's")
    try:
        if params is None:
            return gluoncv_model(name, pretrained=True, ctx=devices)
        net = gluoncv_model(name, classes=classes)
    except ValueError as error:
        raise InputError(
            f"{{teacher}} {name}: GluonCV offers no parameters of it ({last_line(error)[:80]}): "
            "name a file with {teacher_params}"
        ) from error
    except Exception as error:  # what a download can raise has many families
        raise InputError(
            f"{{teacher}} {name}: its parameters could not be downloaded "
            f"({last_line(error)[:80]}): name a file with {{teacher_params}}"
        ) from error
    net.initialize(ctx=devices)
    net(mx.nd.zeros((1, 3, 224, 224), ctx=devices[0]))  # some shapes are known only then
    load_fitting(net, params)
    return net
