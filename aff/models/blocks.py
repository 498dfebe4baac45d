"""Residual blocks, each with a slot for a fusion.

Attribute names (`resfwd`, `conv1`, `body`, `se`, `downsample`, `attention`, ...) are the checkpoint
format. A shortcut that needs no projection is an empty `downsample`, which is the identity.
"""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from ..nn.attention import fuse_and_activate, normalize_and_activate, scaled
from ..nn.create import create_fusion
from ..nn.forms import Formed
from ..nn.layers import GlobalAvgPool2D, Normalization, conv, sequential


def projection(in_channels: int, channels: int, strides: int, avg_down: bool) -> list:
    """Return the 1x1 convolution of a shortcut, with its stride or (`avg_down`) behind average
    pooling by that stride.
    """
    if not avg_down:
        return [conv(in_channels, channels, strides=strides)]
    return [
        nn.AvgPool2D(strides, strides, ceil_mode=True, count_include_pad=False),
        conv(in_channels, channels),
    ]


def shortcut(in_channels: int, channels: int, strides: int, avg_down: bool) -> list:
    """Return the shortcut of a pre-activation block: the identity, or its projection where the
    width changes.
    """
    return [] if in_channels == channels else projection(in_channels, channels, strides, avg_down)


def last_norm(channels: int, norm: Normalization, last_gamma: bool) -> HybridBlock:
    """Return the normalisation that ends a block's body; its gamma starts at zero where
    `last_gamma`.
    """
    return norm(channels, gamma_initializer="zeros") if last_gamma else norm(channels)


class PreActBlock(HybridBlock):
    """What pre-activation blocks share: a body that begins with BN and relu, a shortcut, which is
    the raw input, or its projection where the width changes, and a fusion; nothing after it.

    (N, in_channels, H, W) to (N, channels, H/strides, W/strides). A subclass gives its body
    (`add_body`) and joins the parts.

    Parameters
    ----------
    in_channels, channels : int
        Width of the input and of the output.
    strides : int
        Stride of the body and of the projection.
    fusion : str
        Name of the fusion.
    norm : Normalization
        Builds the normalisation layers.
    r : int, default 4
        Reduction ratio of the fusion, as published for the CIFAR ResNet's block.
    avg_down : bool, default False
        Average pooling before the projection (generation 2).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        strides: int,
        fusion: str,
        norm: Normalization,
        r: int = 4,
        avg_down: bool = False,
    ):
        super().__init__()
        with self.name_scope():
            self.add_body(in_channels, channels, strides, norm)
            self.downsample = sequential(*shortcut(in_channels, channels, strides, avg_down))
            self.attention = create_fusion(fusion, channels, r, norm.layer, norm.kwargs)

    def add_body(self, in_channels: int, channels: int, strides: int, norm: Normalization) -> None:
        """Make the layers of the body; arguments are the block's."""
        raise NotImplementedError


class PreActBasicBlock(PreActBlock):
    """Pre-activation basic block of the CIFAR ResNet: BN, relu, 3x3 (stride), BN, relu, 3x3; fusion
    of that with the shortcut.
    """

    def add_body(self, in_channels, channels, strides, norm):
        self.resfwd = sequential(
            norm(in_channels),
            nn.Activation("relu"),
            conv(in_channels, channels, 3, strides),
            norm(channels),
            nn.Activation("relu"),
            conv(channels, channels, 3),
        )

    def hybrid_forward(self, F, x):
        norm, relu, *rest = self.resfwd
        body = normalize_and_activate(F, self.attention, norm, x)
        for layer in rest:
            body = layer(body)
        return self.attention(body, self.downsample(x))


class Bottleneck(HybridBlock):
    """ResNet v1b bottleneck: 1x1, BN, relu, 3x3 (stride), BN, relu, 1x1, BN; fusion; relu.

    (N, in_channels, H, W) to (N, 4 channels, H/strides, W/strides).

    Parameters
    ----------
    in_channels, channels : int
        Width of the input, and the stage's width W; the output has 4 W channels.
    strides : int
        Stride of the 3x3 convolution and of the projection.
    fusion : str
        Name of the fusion.
    norm : Normalization
        Builds the normalisation layers.
    project : bool
        Whether the shortcut is projected (the first block of a stage).
    r : int, default 16
        Reduction ratio of the fusion, as published for this block.
    avg_down : bool, default False
        Average pooling before the projection (generation 2).
    last_gamma : bool, default False
        Start the last BatchNorm's gamma at zero instead of one.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        strides: int,
        fusion: str,
        norm: Normalization,
        project: bool,
        r: int = 16,
        avg_down: bool = False,
        last_gamma: bool = False,
    ):
        super().__init__()
        out = 4 * channels
        projected = [*projection(in_channels, out, strides, avg_down), norm(out)] if project else []
        with self.name_scope():
            self.conv1 = conv(in_channels, channels)
            self.bn1 = norm(channels)
            self.relu1 = nn.Activation("relu")
            self.conv2 = conv(channels, channels, 3, strides)
            self.bn2 = norm(channels)
            self.relu2 = nn.Activation("relu")
            self.conv3 = conv(channels, out)
            self.bn3 = last_norm(out, norm, last_gamma)
            self.downsample = sequential(*projected)
            self.attention = create_fusion(fusion, out, r, norm.layer, norm.kwargs)

    def hybrid_forward(self, F, x):
        body = self.relu1(self.bn1(self.conv1(x)))
        body = self.relu2(self.bn2(self.conv2(body)))
        body = self.bn3(self.conv3(body))
        return fuse_and_activate(F, self.attention, body, self.downsample(x))


class ResNeXtBlock(Formed):
    """ResNeXt block: 1x1, BN, relu, grouped 3x3, BN, relu, 1x1, BN; fusion; relu.

    (N, in_channels, H, W) to (N, 4 channels, H/strides, W/strides).

    Parameters
    ----------
    in_channels, channels : int
        Width of the input, and the stage's width W; the output has 4 W channels.
    cardinality, bottleneck_width : int
        Groups of the 3x3 convolution, and channels of a group at W = 64.
    strides : int
        Stride of the grouped convolution and of the projection.
    project : bool
        Whether the shortcut is projected (the first block of a stage).
    fusion : str
        Name of the fusion.
    norm : Normalization
        Builds the normalisation layers.
    r : int, default 16
        Reduction ratio of the fusion, as published for this block.
    use_se : bool, default False
        Scale the body's output by squeeze-and-excitation (pooling, 1x1 to W/4, relu, 1x1 to 4 W,
        sigmoid) before the fusion.
    avg_down : bool, default False
        Average pooling before the projection (generation 2).
    last_gamma : bool, default False
        Start the last BatchNorm's gamma at zero instead of one. (The published block tests the flag
        inverted, and its script never passes it; what the published runs did is
        ``last_gamma=True``.)
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        cardinality: int,
        bottleneck_width: int,
        strides: int,
        project: bool,
        fusion: str,
        norm: Normalization,
        r: int = 16,
        use_se: bool = False,
        avg_down: bool = False,
        last_gamma: bool = False,
    ):
        super().__init__()
        width = cardinality * (channels * bottleneck_width // 64)
        out = 4 * channels
        self.use_se = use_se
        projected = [*projection(in_channels, out, strides, avg_down), norm(out)] if project else []
        with self.name_scope():
            self.body = sequential(
                conv(in_channels, width),
                norm(width),
                nn.Activation("relu"),
                conv(width, width, 3, strides, groups=cardinality),
                norm(width),
                nn.Activation("relu"),
                conv(width, out),
                last_norm(out, norm, last_gamma),
            )
            if use_se:
                self.pool = GlobalAvgPool2D()
                self.se = sequential(
                    conv(out, channels // 4, use_bias=True),
                    nn.Activation("relu"),
                    conv(channels // 4, out, use_bias=True),
                )
            self.downsample = sequential(*projected)
            self.attention = create_fusion(fusion, out, r, norm.layer, norm.kwargs)

    def hybrid_forward(self, F, x):
        body = self.body(x)
        if self.use_se:
            body = scaled(F, self.se(self.pool(body)), body)
        return fuse_and_activate(F, self.attention, body, self.downsample(x))
