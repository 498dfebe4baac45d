"""The paper's fusion over a long skip: a feature pyramid network whose sums are fusions.

The paper calls this host "ResNet-20-b + FPN" (Table 2) and "ResNet + FPN" (Tables 3 and 4), for
semantic segmentation: the fusion replaces the addition in FPN (section 4.3), X is the low-level
feature, here the lateral one, and Y the high-level one from above, upsampled (section 4.1 and
Figure 3); r is 4, and b residual blocks in each stage scale the depth. Its code was never
published, and more than that the text does not say. What is decided here, and why:

- The backbone's own blocks add: so that one fusion, the long skip's, is compared.
- A lateral feature is a 1x1 convolution, BN and relu of a stage's map, as it is before the fusions
  of the authors' other feature pyramid (open-acm): the maps of pre-activation networks are sums
  that nothing has normalised yet.
- The upsampling is bilinear, between the centres of pixels (``align_corners=False``).
- The finest fused map is smoothed by a 3x3 convolution (FPN's, which takes away what upsampling
  leaves), BN and relu; a 1x1 convolution classifies, and its logits are upsampled to the image.
- All have the finest map's width, unless `channels` says another: of ImageNet backbones that is
  FPN's 256.
"""

from __future__ import annotations

from typing import Optional, Sequence

from mxnet.gluon import HybridBlock, nn

from ..nn.create import create_fusion
from ..nn.forms import Compiling
from ..nn.layers import Normalization, NormLayer, conv, sequential
from ..nn.maps import resized
from .features import FeatureMaps
from .segmenter import Segmenter


class FeaturePyramid(Compiling):
    """The top-down path of FPN: maps of all stages, the finest first, to as many fused maps, of
    their sizes and of `channels`; the coarsest is its lateral feature alone.

    Parameters
    ----------
    in_channels : sequence of int
        Channels of each map.
    channels : int
        Channels of every fused map.
    fusion : str
        Name of the fusion; its `x` is the lateral feature, its `residual` the upsampled one from
        above.
    norm : Normalization
        Builds the normalisation layers.
    r : int, default 4
        Reduction ratio of the fusion, the paper's for this host.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int,
        fusion: str,
        norm: Normalization,
        r: int = 4,
    ):
        super().__init__()
        self._channels = channels
        with self.name_scope():
            self.lateral = sequential(
                *(
                    sequential(conv(width, channels), norm(channels), nn.Activation("relu"))
                    for width in in_channels
                )
            )
            self.fusions = sequential(
                *(
                    create_fusion(fusion, channels, r, norm.layer, norm.kwargs)
                    for _ in in_channels[1:]
                )
            )

    def hybrid_forward(self, F, *maps):
        *finer, fused = (lateral(x) for lateral, x in zip(self.lateral, maps))
        pyramid = [fused]
        for lateral, fuse in zip(reversed(finer), reversed(list(self.fusions))):
            fused = fuse(lateral, resized(F, fused, lateral, self._channels, 2))
            pyramid.insert(0, fused)
        return tuple(pyramid)


class FPN(Segmenter):
    """Feature pyramid network for segmentation, with a fusion in place of its sums: (N, 3, H, W) to
    logits (N, classes, H, W).

    Parameters
    ----------
    backbone : HybridBlock
        A classifier of `aff.get_model`; its stem and stages are shared, its head is left out.
    fusion : str, default 'ASKCFuse'
        Name of the fusion of each level but the coarsest.
    channels : int, optional
        Channels of the pyramid, by default those of the finest map.
    classes : int, default 21
        Outputs of a pixel.
    r : int, default 4
        Reduction ratio of the fusion.
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments, of all but the backbone.

    Raises
    ------
    InputError
        When called with images whose sides are no multiples of the coarsest map's stride.
    """

    def __init__(
        self,
        backbone: HybridBlock,
        fusion: str = "ASKCFuse",
        channels: Optional[int] = None,
        classes: int = 21,
        r: int = 4,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        norm, maps = Normalization(norm_layer, norm_kwargs), FeatureMaps(backbone)
        width = channels or maps.channels[0]
        pyramid = FeaturePyramid(maps.channels, width, fusion, norm, r)
        smooth = sequential(conv(width, width, 3), norm(width), nn.Activation("relu"))
        super().__init__(maps, pyramid, smooth, width, classes)
