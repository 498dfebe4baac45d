"""The paper's fusion over a long skip: a feature pyramid network whose sums are fusions.

The paper calls this host "ResNet-20-b + FPN" (Table 2) and "ResNet + FPN" (Tables 3 and 4), for
semantic segmentation: the fusion replaces the addition in FPN (section 4.3); X is the low-level
feature and Y the high-level one (section 4.1); b residual blocks in each stage scale the depth. Its
code was never published. Asked for it, the authors say that X goes through a pointwise convolution
and Y through a bilinear resizing before they are joined (issue 10 of their repository), and that
their widths shrank from level to level, there being two classes (issue 25). What is decided here,
and why:

- The backbone's own blocks add, unless `backbone_fusion` says otherwise: so that one fusion, the
  long skip's, is compared.
- All levels have one width, as in FPN (Lin et al., CVPR 2017), whose usual form the authors
  advise for more classes: by default the finest map's, which is FPN's 256 over ImageNet
  backbones, and the width at which the authors' own ended.
- The reduction ratio is the published CIFAR ResNet's, 4.
- A lateral feature is normalised and activated (BN, relu): the maps of pre-activation networks
  are sums that nothing has normalised yet. The authors' other feature pyramid does the same with
  the feature from above.
- The upsampling is between the centres of pixels (``align_corners=False``).
- The finest fused map is smoothed by a 3x3 convolution, as in FPN, BN and relu; a 1x1 convolution
  classifies, and its logits are upsampled to the image.
"""

from __future__ import annotations

from typing import Optional

from mxnet.gluon import HybridBlock

from ..nn.arguments import check_whole
from ..nn.layers import Normalization, NormLayer, sequential
from .features import FeatureMaps
from .pyramid import TopDown, activated
from .segmenter import Segmenter


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
        For a value out of range, or a network that does not say what its stages are; and when
        called with images whose sides are no multiples of the coarsest map's stride.
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
        width = maps.channels[0] if channels is None else channels
        check_whole("FPN", channels=width, classes=classes, r=r)
        pyramid = TopDown(maps.channels, [width] * len(maps.channels), fusion, norm, r)
        smooth = sequential(*activated(width, width, 3, norm))
        super().__init__(maps, pyramid, smooth, width, classes)
