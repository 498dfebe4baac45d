"""Feature maps of the networks: what each stage gives, for detection, segmentation and retrieval.

The blocks of these networks are those of the classifier that they are made of: its parameters are
theirs, whichever is trained or loaded.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..nn.forms import Compiling
from ..nn.layers import sequential
from ..utils.errors import InputError
from .parts import parts_of

#: Images that strides are measured with: a multiple of every stride, larger than every kernel.
MEASURED = 224


class FeatureMaps(Compiling):
    """The maps of every stage of a classifier: (N, 3, H, W) to a tuple of (N, C, H / s, W / s), of
    the first stage to the last, each as the next stage gets it.

    Parameters
    ----------
    net : HybridBlock
        A network of `aff.get_model`; its blocks are shared.

    Attributes
    ----------
    channels : tuple of int
        C of each map.
    strides : tuple of int
        s of each map: pixels of the image for one of its own.
    origins : dict of str to str
        What the classifier calls each parameter, by its name here.
    """

    def __init__(self, net: HybridBlock):
        super().__init__()
        parts = parts_of(net)
        self.stem = sequential(*parts.stem)
        self.stages = sequential(*parts.stages)
        self.channels, self.strides = _measure(self)
        theirs = {id(item): name for name, item in net._collect_params_with_prefix().items()}
        ours = self._collect_params_with_prefix()
        self.origins: Dict[str, str] = {name: theirs[id(item)] for name, item in ours.items()}

    def __call__(self, x) -> Tuple:
        return tuple(super().__call__(x))  # compiled, Gluon gives a list

    def hybrid_forward(self, F, x):
        x = self.stem(x)
        maps: List = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps)


def _measure(net: HybridBlock) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
    """Return channels and strides of every map, of the shapes that mxnet infers."""
    group = mx.sym.Group(list(net(mx.sym.var("data"))))
    _, shapes, _ = group.infer_shape(data=(1, 3, MEASURED, MEASURED))
    return tuple(shape[1] for shape in shapes), tuple(MEASURED // shape[2] for shape in shapes)


class PooledFeatures(Compiling):
    """The vector that a classifier's output layer is given: (N, 3, H, W) to (N, D).

    Parameters
    ----------
    net : HybridBlock
        A network of `aff.get_model`; its blocks are shared.

    Raises
    ------
    InputError
        For a network that gives a class to every pixel.
    """

    def __init__(self, net: HybridBlock):
        super().__init__()
        parts = parts_of(net)
        if not parts.head:
            raise InputError(f"{type(net).__name__} makes no vector of an image")
        self.body = sequential(*parts.stem, *parts.stages, *parts.head)

    def hybrid_forward(self, F, x):
        return self.body(x)
