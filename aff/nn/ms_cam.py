"""The multi-scale channel attention module alone: what weighs in AFF, as an attention of one
feature.
"""

from __future__ import annotations

from typing import Optional

import mxnet as mx

from .arguments import check_features, check_ndim, check_whole
from .attention import global_context, joint_logits, local_context, weighted
from .forms import Formed
from .layers import Normalization, NormLayer
from .maps import from_map, to_map


class MSCAM(Formed):
    """MS-CAM, equation 3 and figure 2: ``Z M(Z)``, M(Z) = sigmoid(L(Z) + g(Z)), of a feature of one
    to three dimensions; it keeps the shape.

    Its children have the names of `AFF`'s, `local_att` and `global_att`, and take its parameters.

    Parameters
    ----------
    channels : int
        Channels C of the feature.
    r : int, default 4
        Reduction ratio of both contexts, C to C/r.
    ndim : int, default 2
        1, 2 or 3, for (N, C, L), (N, C, H, W) or (N, C, D, H, W).
    norm_layer, norm_kwargs : callable and dict, optional
        The normalisation layer (default `BatchNorm`) and its arguments.

    Raises
    ------
    InputError
        For a value out of range, or a reduction that leaves no channel.
    """

    def __init__(
        self,
        channels: int,
        r: int = 4,
        ndim: int = 2,
        norm_layer: Optional[NormLayer] = None,
        norm_kwargs: Optional[dict] = None,
    ):
        super().__init__()
        check_whole("MSCAM", channels=channels, r=r)
        check_ndim("MSCAM", ndim)
        norm = Normalization(norm_layer, norm_kwargs)
        self._channels, self._ndim = channels, ndim
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)
            self.global_att = global_context(channels, r, norm)

    def forward(self, x, *args):
        check_features((x, *args), self._ndim, [self._channels])
        return super().forward(x, *args)

    def _logits(self, F, z):
        return joint_logits(F, self.local_att(z), self.global_att(z))

    def hybrid_forward(self, F, z):
        z_map = to_map(F, z, self._ndim)
        return from_map(F, weighted(F, self._logits(F, z_map), z_map), z, self._ndim)

    def weight(self, z):
        """Return M(Z), an NDArray of the shape of `z`, each value from 0 to 1."""
        return mx.nd.sigmoid(self._logits(mx.nd, to_map(mx.nd, z, self._ndim))).reshape(z.shape)
