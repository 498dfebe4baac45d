"""The paper's fusion within a layer: a CIFAR network whose 3x3 and 5x5 branches are fused.

The paper calls this host "Inception-ResNet-20-b" (Table 2) and "InceptionNet" (Tables 3 and 4): the
fusion replaces the concatenation of the Inception module (section 4.3), X is the output of the 3x3
kernel and Y that of the 5x5 one (section 4.1), and b residual blocks in each stage scale the depth.
Its code was never published, and more than that the text does not say. What is decided here, and
why:

- It is the pre-activation ResNet of the same tables (stem, stages, widths, projections, head), as
  the name of Table 2 says; only the body of a block is another.
- The body is one Inception module instead of two 3x3 convolutions: BN, relu, then a 3x3 and a 5x5
  convolution of equal width on the same input, and their fusion; no 1x1 reductions and no pooling
  branch. A second convolution behind it would make the block the ResNet's own with more in it,
  which ought not to score below it, as the paper's host does at every b.
- The shortcut is added, whatever fuses the branches: so that one fusion a block is compared.
- The 3x3 branch is `x`, which w weighs (equation 4 weighs X), the 5x5 branch `residual`.
- The reduction ratio is the published CIFAR ResNet's, 4.

With additions and 100 classes it has 0.11M parameters at b = 1 (the ResNet 0.08M) and 0.66M at
b = 4 (0.38M), and 19 (13) and 99 (55) million multiply-adds. The paper's text
gives neither for its own.
"""

from __future__ import annotations

from mxnet.gluon import nn

from ..nn.attention import normalize_and_activate
from ..nn.layers import conv, sequential
from .blocks import PreActBlock
from .resnet import CIFARResNet


class InceptionBlock(PreActBlock):
    """Residual block of one Inception module: BN, relu, 3x3 beside 5x5 (of the block's stride);
    their fusion, whose `x` is the 3x3 branch and `residual` the 5x5 branch; the shortcut is added.
    """

    def add_body(self, in_channels, channels, strides, norm):
        self.preact = sequential(norm(in_channels), nn.Activation("relu"))
        self.branch3 = conv(in_channels, channels, 3, strides)
        self.branch5 = conv(in_channels, channels, 5, strides)

    def hybrid_forward(self, F, x):
        active = normalize_and_activate(F, self.attention, self.preact[0], x)
        body = self.attention(self.branch3(active), self.branch5(active))
        return F.elemwise_add(body, self.downsample(x))


class CIFARInception(CIFARResNet):
    """CIFAR network of depth 3b+2 whose blocks fuse a 3x3 and a 5x5 branch: (N, 3, H, W) to (N,
    classes).

    All but its blocks is as in :class:`CIFARResNet`, and so are the parameters. The paper has b = 1
    to 4.
    """

    block = InceptionBlock
