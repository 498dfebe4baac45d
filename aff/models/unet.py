"""The long skip of U-Net (Ronneberger et al., MICCAI 2015), its concatenation a fusion.

The paper names it (Table 1: concatenation, long skip) and has no experiment with it. It is built as
the feature pyramid is (:mod:`.fpn`, what is said there of lateral features and upsampling is so
here), but as U-Net has it: on every level the width is that of the backbone's map, and two 3x3
convolutions follow the fusion.
"""

from __future__ import annotations

from typing import Optional

from mxnet.gluon import HybridBlock

from ..nn.arguments import check_whole
from ..nn.layers import Normalization, NormLayer, sequential
from .features import FeatureMaps
from .pyramid import TopDown
from .segmenter import Segmenter


class UNet(Segmenter):
    """U-Net over a classifier, with a fusion in place of its concatenations: (N, 3, H, W) to logits
    (N, classes, H, W).

    Parameters
    ----------
    backbone : HybridBlock
        A classifier of `aff.get_model`; its stem and stages are shared, its head is left out.
    fusion : str, default 'ASKCFuse'
        Name of the fusion of each level but the coarsest; ``'Concat'`` is nearest to U-Net's own.
    classes : int, default 21
        Outputs of a pixel.
    r : int, default 4
        Reduction ratio of the fusion.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments, of all but the backbone.

    Raises
    ------
    InputError
        For a value out of range, or a network that does not say what its stages are; and when
        called with images whose sides are no multiples of the coarsest map's stride.
    """

    def __init__(
        self,
        backbone: HybridBlock,
        fusion: str = "ASKCFuse",
        classes: int = 21,
        r: int = 4,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm, maps = Normalization(norm_layer, norm_kwargs), FeatureMaps(backbone)
        check_whole("UNet", classes=classes, r=r)
        decoder = TopDown(maps.channels, maps.channels, fusion, norm, r, convolutions=2)
        super().__init__(maps, decoder, sequential(), maps.channels[0], classes)
