"""Segmentation networks: a backbone, what joins its maps again, and a classifier of every pixel."""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any, Callable, Dict, Optional

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ..nn.forms import Compiling
from ..nn.layers import NormLayer, conv
from ..nn.maps import resized
from ..utils.errors import InputError
from .features import FeatureMaps
from .trunk import Parts


class Segmenter(Compiling):
    """A backbone's maps, joined again, to a class of every pixel: (N, 3, H, W) to logits (N,
    classes, H, W).

    `backbone` gives the maps, `decoder` as many joined ones, `head` and `output` (1x1) make logits
    of the finest, which are upsampled bilinearly to the image where it is smaller.

    Parameters
    ----------
    backbone : FeatureMaps
        Gives the maps, the finest first.
    decoder : HybridBlock
        Called with all of them; gives a tuple of maps of their sizes.
    head : HybridBlock
        What is between the finest of these and the output layer.
    channels, classes : int
        Channels that the head gives; outputs of a pixel.

    Raises
    ------
    InputError
        When called with images whose sides are no multiples of the coarsest map's stride.
    """

    def __init__(
        self,
        backbone: FeatureMaps,
        decoder: HybridBlock,
        head: HybridBlock,
        channels: int,
        classes: int,
    ):
        super().__init__()
        self._strides, self._classes = backbone.strides, classes
        first = backbone.stem[0]
        if isinstance(first, nn.BatchNorm):
            # mxnet updates running statistics in the backward pass, which ends before a layer on
            # the image: they would stay at 0 and 1, and evaluation see other images than training.
            # A layer of its own over the same parameters: the classifier stays as it was.
            own = copy.copy(first)
            own._kwargs = {**first._kwargs, "use_global_stats": True}
            backbone.stem._children["0"] = own
        with self.name_scope():
            self.backbone = backbone
            self.decoder = decoder
            self.head = head
            self.output = conv(channels, classes, use_bias=True)

    def forward(self, x, *args):
        if isinstance(x, mx.nd.NDArray):
            if x.ndim != 4:
                raise InputError(
                    f"{type(self).__name__}: takes images (N, 3, H, W), got an array {x.shape}"
                )
            self.check_sides(*x.shape[2:])
        return super().forward(x, *args)

    def check_sides(self, height: int, width: int) -> None:
        """Refuse images of such a size where the network does not take them.

        Raises
        ------
        InputError
            Which says what sides have to be.
        """
        if height % self.stride or width % self.stride:
            raise InputError(
                f"{type(self).__name__}: height and width must be multiples of {self.stride}, the "
                f"coarsest map's stride, got images of {height} x {width}"
            )

    def hybrid_forward(self, F, x):
        logits = self.output(self.head(self.decoder(*self.backbone(x))[0]))
        return logits if self._strides[0] == 1 else resized(F, logits, x, self._classes, 2, self)

    def initialize(self, *args, **kwargs):
        """Initialize, as Gluon's blocks do, what has no values yet: a backbone's own stay."""
        with warnings.catch_warnings():  # Gluon warns of each that has
            warnings.simplefilter("ignore")
            super().initialize(*args, **kwargs)

    @property
    def stride(self) -> int:
        """What heights and widths of its images are multiples of."""
        return self._strides[-1]

    @property
    def parts(self) -> Parts:
        """What its backbone consists of; what follows is no part of it."""
        return Parts([self.backbone.stem], list(self.backbone.stages), [])


class OnBackbone:
    """A segmentation network of a backbone's class, made as the backbone is: of the blocks of each
    stage, and the arguments of both.

    Parameters
    ----------
    host : callable
        Makes the network of a classifier and its own arguments.
    backbone : callable
        The classifier's class. Its arguments `fusion` and `r` are `backbone_fusion` and
        `backbone_r` here.
    """

    def __init__(self, host: Callable[..., HybridBlock], backbone: Callable[..., HybridBlock]):
        self._host, self._backbone = host, backbone
        ours, theirs = (dict(inspect.signature(made).parameters) for made in (host, backbone))
        ours.pop("backbone")
        self._own = set(ours)
        added = [
            theirs.pop("fusion").replace(name="backbone_fusion", default="DirectAdd"),
            theirs.pop("r").replace(name="backbone_r"),
        ]
        both = [item for name, item in theirs.items() if name not in ours]
        #: What `inspect.signature` gives of it.
        self.__signature__ = inspect.Signature(
            [
                item.replace(kind=inspect.Parameter.KEYWORD_ONLY) if index else item
                for index, item in enumerate([both[0], *ours.values(), *added, *both[1:]])
            ]
        )

    def __call__(
        self,
        blocks,
        backbone_fusion: str = "DirectAdd",
        backbone_r: Optional[int] = None,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[Dict[str, Any]] = None,
        **kwargs: Any,
    ) -> HybridBlock:
        norm = {"norm_layer": norm_layer, "norm_kwargs": norm_kwargs}
        own = {name: kwargs.pop(name) for name in self._own & set(kwargs)}
        if backbone_r is not None:
            kwargs["r"] = backbone_r
        backbone = self._backbone(blocks, fusion=backbone_fusion, **norm, **kwargs)
        return self._host(backbone, **norm, **own)
