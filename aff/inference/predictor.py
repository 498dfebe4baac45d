"""Trained networks as predictors: `load` one, `predict` what images show."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Sequence, Union

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..data.image_file import pixels_of
from ..models.features import PooledFeatures
from ..nn.fusion import fusion_title
from ..training.amp import Float32
from ..training.devices import split
from ..training.network import make_ready_to_infer
from ..utils.errors import InputError
from .spec import EvaluationSpec
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
