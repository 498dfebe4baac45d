"""Segmentation networks as predictors: the class of every pixel of an image."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Callable, List

import mxnet as mx
import numpy as np

from ..data.image_file import pixels_of
from ..utils.errors import InputError
from .predictor import Predictor


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
