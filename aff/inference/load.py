"""From what names a trained network to a predictor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional

import mxnet as mx

from ..data.image_loader import CROP_RATIO
from ..data.transforms import scaled_side
from ..export.networks import is_exported
from ..models.parameters import Devices
from ..training.amp import create_precision
from ..training.network import make_ready_to_infer
from ..utils.errors import InputError, telling
from .mask_predictor import MaskPredictor
from .network import load_network, ready_network
from .predictor import MODE, Predictor
from .spec import EvaluationSpec, find_spec, source_of
from .view import View, WholeView


def load(source: str, root: Optional[str] = None, ctx: Devices = None) -> Predictor:
    """Load a trained network to use it on images.

    It is a `MaskPredictor` where the network gives a class to every pixel.

    Parameters
    ----------
    source : str
        A published NAME (`list_published`; its file is fetched where it is not there), a
        ``.params`` file, a run's folder (its ``best.params``), or an exported file
        (``NAME.onnx``, ``NAME.safetensors``, ``NAME-symbol.json``), which runs in its own runtime.
    root : str, default 'params'
        Folder of published parameters, with a NAME.
    ctx : Context or list of Context, default `cpu()`
        Where it computes; several share each batch.

    Raises
    ------
    InputError
        For what names no parameters, a file of which nothing says what network it is of, or one
        that is damaged or does not fit.
    """
    spec = find_spec(str(source), root)
    devices = [ctx] if isinstance(ctx, mx.Context) else list(ctx or [mx.cpu()])
    on_gpu = devices[0].device_type == "gpu"
    precision = create_precision(spec.dtype if on_gpu else "float32", devices)
    kind, view = (
        (MaskPredictor, WholeView.of_network(spec.model, spec.kwargs))
        if spec.segments
        else (Predictor, view_of(spec))
    )
    if is_exported(spec.params):
        compute = ready_network(spec, devices, precision, MODE)
        return kind(spec, view, compute, devices, precision)
    net = load_network(spec, devices, precision, root)
    compute = make_ready_to_infer(net, devices, precision, MODE)
    return kind(spec, view, compute, devices, precision, net)


def view_of(spec: EvaluationSpec) -> View:
    """Return what images become for a network."""
    if not spec.input:
        return View.of_source(source_of(spec))
    with telling(spec.params):
        view = View.of_input(spec.input)
    size = spec.input_size or view.size
    if size == view.size:
        return view
    shorter_side = scaled_side(size, spec.crop_ratio or CROP_RATIO) if view.shorter_side else None
    return replace(view, size=size, shorter_side=shorter_side)


def predict(net: Predictor, images: Any, topk: int = 5) -> List:
    """Return what images show to a network that `load` gave: see `Predictor.predict`.

    Parameters
    ----------
    net : Predictor
        The network.
    images, topk
        As `Predictor.predict` takes them.

    Returns
    -------
    list of Prediction, or a list of these
        For one image, or for a list of images.
    """
    if not isinstance(net, Predictor):
        raise InputError(f"net is what aff.load gives, not {type(net).__name__}")
    return net.predict(images, topk)
