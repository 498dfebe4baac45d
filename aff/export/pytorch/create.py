"""How a network is built and given its parameters, and what it is given of pixels."""

import os

import torch
from safetensors.torch import load_file

from .description import ARCHITECTURE, GREY, MEAN, STD, WEIGHTS
from .network import Network, initialize


def create(pretrained=True, **changes):
    """Build the network, in evaluation mode (``net.train()`` before training).

    `pretrained`: with its parameters, from the file beside this one; without, with fresh ones.
    `changes`: arguments of `Network` in place of those in `ARCHITECTURE`, such as ``classes=5`` or
    ``fusion="SEFuse"``, for fresh parameters. To go on from these parameters with other classes,
    replace the last layer of ``create()``.
    """
    net = Network(**{**ARCHITECTURE, **changes})
    if pretrained:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), WEIGHTS)
        net.load_state_dict(load_file(path), strict=True)
    else:
        net.apply(initialize)
    return net.eval()


def pixels_of(image):
    """Levels from 0 to 255, (1, 1 or 3, H, W), of a PIL image; what is transparent is on white."""
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"an image of mode {image.mode} has no levels from 0 to 255")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        transparent = image.convert("RGBA")
        image = transparent.copy()
        image.paste("white", (0, 0, *image.size))
        image.alpha_composite(transparent)
    image = image.convert("L" if GREY else "RGB")
    width, height = image.size
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.reshape(1, height, width, -1).permute(0, 3, 1, 2).float()


def normalize(pixels):
    """Pixels, (N, 1 or 3, H, W) from 0 to 255, to the network's input (N, 3, H, W)."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return ((pixels - mean) / std).expand(-1, 3, -1, -1)
