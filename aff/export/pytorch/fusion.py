"""The fusions: how a block joins its body's output, `x`, with its shortcut, `residual`."""

import torch
from torch import nn

from .layers import BatchNorm, bottleneck, conv, global_context, local_context, wide

# Each takes (x, residual), both (N, C, H, W), and gives (N, C, H, W): `x` is the output of the
# block's body, `residual` what its shortcut brings. Equations and tables are those of "Attentional
# Feature Fusion" (arXiv 2009.14082). The weight falls on `x`, as in the published code.


class DirectAdd(nn.Module):
    """x + residual: the plain ResNet."""

    def __init__(self, channels, r):
        super().__init__()

    def forward(self, x, residual):
        return x + residual


class Concat(nn.Module):
    """Concatenation, BN and a 1x1 convolution back to C channels (Table 4)."""

    def __init__(self, channels, r):
        super().__init__()
        self.fuse = nn.Sequential(BatchNorm(2 * channels), conv(2 * channels, channels, bias=True))

    def forward(self, x, residual):
        return self.fuse(torch.cat((x, residual), dim=1))


class MSCAM(nn.Module):
    """The weight of multi-scale channel attention, equation 3: M(Z) = sigmoid(L(Z) + g(Z)).

    What derives from it says how the weight joins `x` and `residual`; `local_att` and `global_att`
    are its two contexts, here with bottlenecks of C/r channels.
    """

    def __init__(self, channels, r):
        super().__init__()
        self.local_att, self.global_att = self.contexts(channels, r)

    def contexts(self, channels, r):
        return local_context(channels, r), global_context(channels, r)

    def weight(self, z):
        return torch.sigmoid(self.local_att(z) + self.global_att(z))


class AFF(MSCAM):
    """Attentional feature fusion, equation 4: w x + (1 - w) residual, w = M(x + residual), times
    the factor 2 of the published code, by which w = 1/2 adds.
    """

    def forward(self, x, residual):
        w = self.weight(x + residual)
        return 2 * (w * x + (1 - w) * residual)


class IAFF(MSCAM):
    """Iterative attentional feature fusion, equation 5, without a factor: the weight is that of a
    first fusion of both inputs. Both of its contexts have parameters of their own.
    """

    def __init__(self, channels, r):
        super().__init__(channels, r)
        self.local_att2 = local_context(channels, r)
        self.global_att2 = global_context(channels, r)

    def forward(self, x, residual):
        w = self.weight(x + residual)
        u = w * x + (1 - w) * residual
        w = torch.sigmoid(self.local_att2(u) + self.global_att2(u))
        return w * x + (1 - w) * residual


class LocalLocal(AFF):
    """AFF with two local contexts (Table 3)."""

    def contexts(self, channels, r):
        return local_context(channels, r), local_context(channels, r)


class GlobalGlobal(AFF):
    """AFF with two global contexts (Table 3)."""

    def contexts(self, channels, r):
        return global_context(channels, r), global_context(channels, r)


class WideMSCAM(MSCAM):
    """MS-CAM whose contexts are single 1x1 convolutions of all channels."""

    def contexts(self, channels, r):
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), *wide(channels))
        return nn.Sequential(*wide(channels)), pooled


class WideAFF(WideMSCAM, AFF):
    """AFF without its bottlenecks."""


class MSSENet(WideMSCAM):
    """residual + w x, w = M(x) (Table 4, MS-SENet)."""

    def forward(self, x, residual):
        return residual + self.weight(x) * x


class MSGAU(WideMSCAM):
    """w residual + x, w = M(x) (Table 4, MS-GAU)."""

    def forward(self, x, residual):
        return self.weight(x) * residual + x


class MSSA(WideMSCAM):
    """w residual + x, w = M(x + residual) (Table 4, MS-SA)."""

    def forward(self, x, residual):
        return self.weight(x + residual) * residual + x


class ScaledSum(WideMSCAM):
    """w (x + residual), w = M(x + residual)."""

    def forward(self, x, residual):
        return self.weight(x + residual) * (x + residual)


class GlobalOnly(nn.Module):
    """AFF by the global context alone, without a bottleneck."""

    def __init__(self, channels, r):
        super().__init__()
        self.attention = nn.Sequential(*self.pooling(), *wide(channels), nn.ReLU(), *wide(channels))

    def pooling(self):
        return [nn.AdaptiveAvgPool2d(1)]

    def forward(self, x, residual):
        w = torch.sigmoid(self.attention(x + residual))
        return 2 * (w * x + (1 - w) * residual)


class LocalOnly(GlobalOnly):
    """AFF by the local context alone, without a bottleneck."""

    def pooling(self):
        return []


class SENet(nn.Module):
    """residual + w x, w = sigmoid(g(x)) (Table 1, SENet)."""

    def __init__(self, channels, r):
        super().__init__()
        self.global_att = global_context(channels, r)

    def forward(self, x, residual):
        return residual + torch.sigmoid(self.global_att(x)) * x


class GAU(nn.Module):
    """w residual + x, w = sigmoid(g(x)), g a single 1x1 convolution (Table 1, GAU)."""

    def __init__(self, channels, r):
        super().__init__()
        self.global_att = nn.Sequential(nn.AdaptiveAvgPool2d(1), *wide(channels))

    def forward(self, x, residual):
        return torch.sigmoid(self.global_att(x)) * residual + x


class SKNet(nn.Module):
    """2 (a x + b residual), a and b the softmax over the two halves of g(x + residual)'s 2C
    channels, whose bottleneck is C/4 (Table 1, SKNet, with the published code's factor).
    """

    def __init__(self, channels, r):
        super().__init__()
        self.global_att = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), *bottleneck(channels, channels // 4, 2 * channels)
        )

    def forward(self, x, residual):
        logits = self.global_att(x + residual).unflatten(1, (2, -1))  # (N, 2, C, 1, 1)
        a, b = logits.softmax(dim=1).unbind(dim=1)
        return 2 * (a * x + b * residual)


class ConcatAFF(nn.Module):
    """AFF whose contexts are concatenated and go through one more 1x1 convolution, instead of being
    added (Table 6, Concat-AFF).
    """

    def __init__(self, channels, r):
        super().__init__()
        local, pooled, width = self.contexts(channels, channels // r)
        self.local_att = nn.Sequential(*local, nn.ReLU())
        self.global_att = nn.Sequential(nn.AdaptiveAvgPool2d(1), *pooled, nn.ReLU())
        self.post = nn.Sequential(conv(2 * width, channels, bias=True), BatchNorm(channels))

    def contexts(self, channels, inner):
        local, pooled = (bottleneck(channels, inner, channels) for _ in range(2))
        return local, pooled, channels

    def forward(self, x, residual):
        z = x + residual
        local = self.local_att(z)
        pooled = self.global_att(z).expand_as(local)
        w = torch.sigmoid(self.post(torch.cat((local, pooled), dim=1)))
        return 2 * (w * x + (1 - w) * residual)


class HalfAFF(ConcatAFF):
    """Concat-AFF whose contexts end at C/r channels (Table 6, Half-AFF)."""

    def contexts(self, channels, inner):
        local, pooled = ([conv(channels, inner, bias=True), BatchNorm(inner)] for _ in range(2))
        return local, pooled, inner


FUSIONS = {  # by their names in the published code
    "DirectAdd": DirectAdd,
    "Concat": Concat,
    "ASKCFuse": AFF,
    "ResGlobLocaforGlobLocaCha": IAFF,
    "ResLocaLocaCha": LocalLocal,
    "ResGlobGlobCha": GlobalGlobal,
    "ResGlobLocaCha": WideAFF,
    "ResGlobCha": GlobalOnly,
    "ResLocaCha": LocalOnly,
    "SEFuse": SENet,
    "GAUFuse": GAU,
    "SKFuse": SKNet,
    "XplusAYforY": MSSENet,
    "AYforXplusY": MSGAU,
    "AXYforXplusY": MSSA,
    "AXYforXY": ScaledSum,
    "HalfASKCFuse": HalfAFF,
    "ConcatASKCFuse": ConcatAFF,
}
