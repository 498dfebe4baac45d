"""What all trunks share: shortcuts, stages and stems."""

from torch import nn

from .layers import BatchNorm, conv


def projection(in_channels, channels, stride, avg_down):
    """1x1 convolution of a shortcut, with its stride or, `avg_down`, behind average pooling."""
    if not avg_down:
        return [conv(in_channels, channels, stride=stride)]
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    return [pool, conv(in_channels, channels)]


def shortcut(in_channels, channels, stride, avg_down):
    """Shortcut of a pre-activation block: the identity, or its projection where the width
    changes.
    """
    return [] if in_channels == channels else projection(in_channels, channels, stride, avg_down)


def stages(blocks, fusion, start_layer, build):
    """Stages of so many blocks, ``build(stage, index, fusion, stride)``; those before
    `start_layer`, counted from 1, add instead of fusing.
    """
    result = []
    for stage, count in enumerate(blocks):
        name = fusion if stage + 1 >= start_layer else "DirectAdd"
        strides = [2 if stage and not index else 1 for index in range(count)]
        result.append(
            nn.Sequential(*(build(stage, i, name, stride) for i, stride in enumerate(strides)))
        )
    return result


def bottleneck_inputs(stage, index, stem):
    """Channels that a bottleneck block gets: the stem's, the last stage's, or its own stage's."""
    if index:
        return 256 * 2**stage
    return 128 * 2**stage if stage else stem


def deep_stem_layers(width, channels, stride):
    """Three 3x3 convolutions, the first with the stride; BN and relu between them."""
    return [
        conv(3, width, 3, stride),
        BatchNorm(width),
        nn.ReLU(),
        conv(width, width, 3),
        BatchNorm(width),
        nn.ReLU(),
        conv(width, channels, 3),
    ]


class Classifier(nn.Module):
    """`features` to a vector, `output` to logits: (N, 3, H, W) to (N, classes). The stages are the
    sequences among the layers of `features`.
    """

    def __init__(self, features, channels, classes):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.output = nn.Linear(channels, classes)

    def forward(self, x):
        return self.output(self.features(x))

    def parts(self):
        """The layers before the first stage, and the stages."""
        layers = list(self.features)
        places = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Sequential)]
        return layers[: places[0]], layers[places[0] : places[-1] + 1]
