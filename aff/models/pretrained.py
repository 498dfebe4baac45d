"""Networks with parameters from files: published ones, and a user's own."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Callable, Dict, List, Optional

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..nn.forms import choose_form, form_for
from ..nn.layers import NormLayer
from ..utils.errors import InputError, shorten
from .parameters import Devices, Misfit, load_fitting
from .records import WEIGHTS, WeightsRecord
from .registry import build_network
from .transfer import transfer_parameters
from .weights import DEFAULT_ROOT, fetch, fetch_command, find_weights, verify


def load_published(
    name: str,
    ctx: Devices = None,
    root: Optional[str] = None,
    norm_layer: Optional[NormLayer] = None,
    norm_kwargs: Optional[dict] = None,
    classes: Optional[int] = None,
) -> HybridBlock:
    """Return a network with published parameters.

    Parameters
    ----------
    name : str
        One of `list_published()`.
    ctx : Context or list of Context, default `cpu()`
        Where the parameters go.
    root : str, default 'params'
        Folder of the file; it is fetched where it is not there.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.
    classes : int, optional
        Outputs, where they are to be others than the published: of a new layer, drawn at random.

    Returns
    -------
    HybridBlock
        In float32, (N, 3, H, W) to logits (N, classes).

    Raises
    ------
    InputError
        For an unknown name, or a file that cannot be had, is not the published one, or does not
        fit.
    """
    record = find_weights(name)
    path = os.path.join(root or DEFAULT_ROOT, record.filename)
    if os.path.exists(path):
        try:
            verify(record, path)
        except InputError as error:
            raise InputError(
                f"{error}; to fetch it: {fetch_command(name, root or DEFAULT_ROOT)}"
            ) from error
    else:
        fetch(name, root)
    ctx = mx.cpu() if ctx is None else ctx
    norm = {"norm_layer": norm_layer, "norm_kwargs": norm_kwargs}
    own = record.kwargs["classes"]
    kwargs = {**record.kwargs, "classes": own if classes is None else classes}
    net = build_network(record.model, ctx=ctx, **kwargs, **norm)
    if kwargs["classes"] == own:
        load_fitting(net, path, ctx)
    else:
        transfer_parameters(net, path)
    return net


def build_with(
    name: str,
    kwargs: Dict[str, Any],
    path: str,
    ctx: Devices = None,
    prepare: Callable[[HybridBlock], None] = lambda net: None,
) -> HybridBlock:
    """Build a network with the parameters of a file. Names and shapes are compared before anything
    is allocated: what says which network it is may be wrong by a factor of a million.

    Parameters
    ----------
    name, kwargs : str and dict
        The network, as `aff.get_model` takes it.
    path : str
        The file.
    ctx : Context or list of Context, default `cpu()`
        Where the parameters go.
    prepare : callable, optional
        Puts the network into its number format.

    Raises
    ------
    InputError
        As `load_parameters`.
    """
    net = build_network(name, **kwargs)
    choose_form(net, form_for(ctx))
    prepare(net)
    load_parameters(net, path, ctx)
    return net


def load_parameters(net: HybridBlock, path: str, ctx: Devices = None) -> None:
    """Load a parameter file into a network, of whichever number format either is.

    Raises
    ------
    InputError
        For a file that is damaged or does not fit; it says which names are missing, left over or
        of another shape, and which published network the file does fit. The network is then as
        before.
    """
    try:
        load_fitting(net, path, ctx)
    except Misfit as error:
        names = fitting(error.shapes)
        if not names:
            raise
        raise InputError(
            f"{error}; it fits the published {shorten(names)} ({_call(WEIGHTS[names[0]])})"
        ) from error


def shapes_digest(shapes: Dict[str, tuple]) -> str:
    """Return SHA-1 of parameters' names and shapes, whatever their order."""
    told = "\n".join(f"{name} {tuple(shape)}" for name, shape in sorted(shapes.items()))
    return hashlib.sha1(told.encode()).hexdigest()


def fitting(shapes: Dict[str, tuple]) -> List[str]:
    """Return the names of the published networks whose parameters have these names and shapes."""
    digest = shapes_digest(shapes)
    return [record.name for record in WEIGHTS.values() if record.shapes_sha1 == digest]


def _call(record: WeightsRecord) -> str:
    arguments = ", ".join(f"{key}={value!r}" for key, value in record.kwargs.items())
    return f"aff.get_model({record.model!r}, {arguments})"
