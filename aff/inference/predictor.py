"""Trained networks as predictors: `load` one, `predict` what images show."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Sequence, Union

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..data.image_file import pixels_of
from ..export.networks import is_exported
from ..models.features import PooledFeatures
from ..models.parameters import Devices
from ..nn.fusion import fusion_title
from ..training.amp import Float32, create_precision
from ..training.devices import split
from ..training.network import make_ready_to_infer
from ..utils.errors import InputError, telling
from .network import load_network, ready_network
from .spec import EvaluationSpec, find_spec, source_of
from .view import View, WholeView

BATCH_SIZE = 32
MODE = "optimized"


class Prediction(NamedTuple):
    """A class that a network sees in an image.

    Attributes
    ----------
    label : int
        Its number, from 0.
    name : str or None
        Its name, where that is known.
    probability : float
        Of all classes these sum to 1.
    """

    label: int
    name: Optional[str]
    probability: float

    @property
    def called(self) -> str:
        """What to call the class."""
        return f"class {self.label}" if self.name is None else self.name


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (N, classes) float64 of logits."""
    values = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


class Predictor:
    """A trained network with all that it takes to use it on images; `load` gives one.

    Called with a prepared batch (N, 3, H, W) float32 it gives logits (N, classes) float32, as
    NumPy arrays.

    Parameters
    ----------
    spec : EvaluationSpec
        What it is: `model`, `kwargs`, `params`, `dataset`, `found_by`.
    view : View
        What an image becomes for it.
    compute : callable
        The network ready for inference, on one device's part of a batch.
    devices : sequence of Context
        Where it is.
    precision : Float32
        Its number format.
    net : HybridBlock, optional
        The network as it was loaded; exported ones have none.
    """

    def __init__(
        self,
        spec: EvaluationSpec,
        view: Union[View, WholeView],
        compute: Callable[[mx.nd.NDArray], mx.nd.NDArray],
        devices: Sequence[mx.Context],
        precision: Float32,
        net: Optional[HybridBlock] = None,
    ):
        self.spec = spec
        self.view = view
        self._compute = compute
        self._devices = devices
        self._precision = precision
        self._net = net

    def __repr__(self) -> str:
        spec = self.spec
        return (
            f"Predictor({spec.model} with {fusion_title(spec.kwargs['fusion'])}, "
            f"{self.classes} classes, {self.input_size} pixels, of {spec.params}, known by "
            f"{spec.found_by})"
        )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.spec.kwargs["classes"]

    @property
    def class_names(self) -> Optional[List[str]]:
        """A name for each class, where they are known."""
        return self.spec.class_names

    @property
    def input_size(self) -> int:
        """Height and width of what the network is given; of a segmentation network those that are
        usual.
        """
        return self.view.size

    def __call__(self, x: Union[np.ndarray, mx.nd.NDArray]) -> np.ndarray:
        return self._run(self._compute, x)

    def features(self, x: Union[np.ndarray, mx.nd.NDArray]) -> np.ndarray:
        """Return the pooled vectors that the output layer is given, (N, D) float32, of a prepared
        batch (N, 3, H, W).

        Raises
        ------
        InputError
            For an exported network, which gives logits alone.
        """
        return self._run(self._pooled, x)

    @cached_property
    def _pooled(self) -> Callable[[mx.nd.NDArray], mx.nd.NDArray]:
        if self._net is None:
            raise InputError(
                f"{self.spec.params}: an exported network gives logits alone: features need the "
                ".params file that it was made of"
            )
        pooled = PooledFeatures(self._net)
        return make_ready_to_infer(pooled, self._devices, self._precision, MODE)

    def _run(self, compute: Callable, x: Union[np.ndarray, mx.nd.NDArray]) -> np.ndarray:
        data = x.asnumpy() if isinstance(x, mx.nd.NDArray) else np.asarray(x)
        if data.ndim != 4 or data.shape[1] != 3 or not len(data) or data.dtype.kind != "f":
            raise InputError(
                f"a prepared batch is (N, 3, H, W) of floating-point values, not {data.shape} "
                f"{data.dtype}; images go to predict"
            )
        parts = [compute(part) for part in split(data, self._devices, self._precision.dtype)]
        found = np.concatenate([part.asnumpy().astype(np.float32, copy=False) for part in parts])
        if not np.isfinite(found).all():
            raise InputError(
                f"{self.spec.params}: the network's outputs are not finite: another file?"
            )
        return found

    def prepare(self, images: Iterable[Any]) -> np.ndarray:
        """Return a prepared batch (N, 3, H, W) float32 of images (see `predict`)."""
        return np.stack([self.view(pixels_of(image)) for image in images])

    def rank(self, logits: np.ndarray, topk: int = 5) -> List[List[Prediction]]:
        """Return the classes of the largest logits, (N, classes), the first one first; equal ones
        in the order of their labels.
        """
        if topk < 1:
            raise InputError(f"{{topk}} takes a whole number of at least 1, got {topk}")
        order = np.argsort(-logits, axis=1, kind="stable")[:, :topk]
        names = self.class_names
        return [
            [
                Prediction(int(label), names[label] if names else None, float(row[label]))
                for label in labels
            ]
            for labels, row in zip(order, softmax(logits))
        ]

    def predict(self, images: Any, topk: int = 5) -> List:
        """Return what images show.

        Parameters
        ----------
        images : path, PIL.Image.Image or numpy.ndarray, or a list of them
            Arrays are uint8, (H, W) for grey or (H, W, 3), red first. What the network is given is
            the evaluation transform of what it was trained on.
        topk : int, default 5
            How many classes; all where there are fewer.

        Returns
        -------
        list of Prediction, or a list of these
            For one image, or for a list of images.

        Raises
        ------
        InputError
            For what is no image.
        """
        if not isinstance(images, (list, tuple)):
            return self.predict([images], topk)[0]
        found: List[List[Prediction]] = []
        for start in range(0, len(images), BATCH_SIZE):
            found += self.rank(self(self.prepare(images[start : start + BATCH_SIZE])), topk)
        return found


class MaskPredictor(Predictor):
    """A trained segmentation network with all that it takes to use it on images; `load` gives one.

    Called with a prepared batch (N, 3, H, W) float32, whose sides are multiples of the network's
    stride, it gives logits (N, classes, H, W) float32, as NumPy arrays.
    """

    def segment(self, images: Any) -> Any:
        """Return the class of every pixel of images.

        Parameters
        ----------
        images : path, PIL.Image.Image or numpy.ndarray, or a list of them
            As `predict` of a classifier takes them, of any size.

        Returns
        -------
        numpy.ndarray, or a list of these
            (H, W) uint8, for one image or for a list of images.

        Raises
        ------
        InputError
            For what is no image.
        """
        if not isinstance(images, (list, tuple)):
            return self.segment([images])[0]
        return [self.labels(pixels, self.view(pixels)) for pixels in map(pixels_of, images)]

    def labels(self, pixels: np.ndarray, view: np.ndarray) -> np.ndarray:
        """Return the class of every pixel, (H, W) uint8, of an image (H, W, 3) and what the network
        is given of it.
        """
        height, width = pixels.shape[:2]
        return self(view[None])[0, :, :height, :width].argmax(axis=0).astype(np.uint8)

    def predict(self, images: Any, topk: int = 5) -> List:
        """Refuse to name the class of an image.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            f"{self.spec.params}: {self.spec.model} gives a class to every pixel: segment(images)"
        )

    @cached_property
    def _pooled(self) -> Callable[[mx.nd.NDArray], mx.nd.NDArray]:
        raise InputError(
            f"{self.spec.params}: {self.spec.model} gives a class to every pixel, and makes no "
            "vector of an image: features need a classifier"
        )


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
        return View.of_input(spec.input)


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
