"""Segmentation networks over a classifier's stages."""

import torch
from torch import nn
from torch.nn import functional

from .fusion import FUSIONS
from .layers import BatchNorm, conv


class FeatureMaps(nn.Module):
    """The maps of every stage of a classifier, the finest first."""

    def __init__(self, classifier):
        super().__init__()
        stem, stages = classifier.parts()
        self.stem, self.stages = nn.Sequential(*stem), nn.Sequential(*stages)

    def forward(self, x):
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def measured(maps, side=64):
    """Channels of every map, and the coarsest one's stride."""
    with torch.no_grad():
        found = maps.eval()(torch.zeros(1, 3, side, side))
    maps.train()
    return [x.shape[1] for x in found], side // found[-1].shape[2]


def activated(in_channels, channels, kernel=1):
    """Convolution, BN and relu."""
    return [conv(in_channels, channels, kernel), BatchNorm(channels), nn.ReLU()]


def resized(x, like):
    """Bilinear, between the centres of pixels."""
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


class TopDown(nn.Module):
    """Maps, the finest first, to as many of `widths`: on each level but the coarsest the fusion
    joins the lateral feature with the one from above.
    """

    def __init__(self, in_channels, widths, fusion, r, convolutions=0):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        self.lateral = nn.ModuleList(
            nn.Sequential(*activated(*pair)) for pair in zip(in_channels, widths)
        )
        self.narrow = nn.ModuleList(
            nn.Sequential(*(activated(above, width) if above != width else []))
            for width, above in pairs
        )
        self.fusions = nn.ModuleList(FUSIONS[fusion](width, r) for width, _ in pairs)
        self.refine = nn.ModuleList(
            nn.Sequential(*(m for _ in range(convolutions) for m in activated(width, width, 3)))
            for width, _ in pairs
        )

    def forward(self, maps):
        laterals = [lateral(x) for lateral, x in zip(self.lateral, maps)]
        fused = laterals[-1:]
        for level in reversed(range(len(self.fusions))):
            above = resized(self.narrow[level](fused[0]), laterals[level])
            fused.insert(0, self.refine[level](self.fusions[level](laterals[level], above)))
        return fused


class Segmenter(nn.Module):
    """Maps of a classifier's stages, joined again: (N, 3, H, W), H and W multiples of `stride`, to
    logits (N, classes, H, W).
    """

    def __init__(self, maps, stride, decoder, head, channels, classes):
        super().__init__()
        self.stride = stride
        self.backbone = maps
        self.decoder = decoder
        self.head = nn.Sequential(*head)
        self.output = conv(channels, classes, bias=True)

    def train(self, mode=True):
        """Leave the BatchNorm of the image, which has nothing to learn, as it is."""
        super().train(mode)
        if isinstance(self.backbone.stem[0], BatchNorm):
            self.backbone.stem[0].eval()
        return self

    def forward(self, x):
        logits = self.output(self.head(self.decoder(self.backbone(x))[0]))
        return resized(logits, x)


class FPN(Segmenter):
    """Feature pyramid network, its sums fusions, over the stages of a `classifier`, which is made
    with `backbone_fusion` and the arguments that are left.
    """

    def __init__(
        self,
        classifier,
        blocks,
        fusion="ASKCFuse",
        channels=None,
        classes=21,
        r=4,
        backbone_fusion="DirectAdd",
        backbone_r=None,
        **others,
    ):
        theirs = {"fusion": backbone_fusion, **({"r": backbone_r} if backbone_r else {})}
        maps = FeatureMaps(classifier(blocks, **theirs, **others))
        widths, stride = measured(maps)
        width = channels or widths[0]
        decoder = TopDown(widths, [width] * len(widths), fusion, r)
        super().__init__(maps, stride, decoder, activated(width, width, 3), width, classes)


class UNet(Segmenter):
    """U-Net, its concatenations fusions, over the stages of a `classifier`, which is made with
    `backbone_fusion` and the arguments that are left.
    """

    def __init__(
        self,
        classifier,
        blocks,
        fusion="ASKCFuse",
        classes=21,
        r=4,
        backbone_fusion="DirectAdd",
        backbone_r=None,
        **others,
    ):
        theirs = {"fusion": backbone_fusion, **({"r": backbone_r} if backbone_r else {})}
        maps = FeatureMaps(classifier(blocks, **theirs, **others))
        widths, stride = measured(maps)
        decoder = TopDown(widths, widths, fusion, r, convolutions=2)
        super().__init__(maps, stride, decoder, [], widths[0], classes)
