"""What the file is for: to build the network, load its parameters, and classify images."""

import argparse
import os

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch.nn import functional

from .description import ARCHITECTURE, CLASS_NAMES, GREY, MEAN, RESIZED, SIZE, STD, WEIGHTS
from .network import Network, initialize


def create(pretrained=True, **changes):
    """Build the network, in evaluation mode.

    `pretrained`: with its parameters, from the file beside this one; without, with fresh ones.
    `changes`: arguments of `Network` other than those of `ARCHITECTURE`, such as ``classes=5``;
    parameters that no longer fit raise an error.
    """
    net = Network(**{**ARCHITECTURE, **changes})
    if pretrained:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), WEIGHTS)
        net.load_state_dict(load_file(path), strict=True)
    else:
        net.apply(initialize)
    return net.eval()


def normalize(pixels):
    """Pixels, (N, 1 or 3, H, W) from 0 to 255, to the network's input (N, 3, H, W)."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return ((pixels - mean) / std).expand(-1, 3, -1, -1)


def preprocess(image):
    """A PIL image to the network's input, (1, 3, SIZE, SIZE), as it was evaluated: scaled (where
    RESIZED, its shorter side to that, and the centre is taken), normalised.
    """
    image = ImageOps.exif_transpose(image).convert("L" if GREY else "RGB")
    width, height = image.size
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    pixels = pixels.reshape(1, height, width, -1).permute(0, 3, 1, 2).float()
    shorter = min(height, width)
    scaled = (RESIZED * height // shorter, RESIZED * width // shorter) if RESIZED else (SIZE, SIZE)
    pixels = functional.interpolate(pixels, scaled, mode="bilinear").round()
    top, left = (scaled[0] - SIZE) // 2, (scaled[1] - SIZE) // 2
    return normalize(pixels[:, :, top : top + SIZE, left : left + SIZE])


def main():
    """Print the first classes of each image."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("images", metavar="IMAGE", nargs="+")
    parser.add_argument("--topk", type=int, default=5)
    args = parser.parse_args()
    net = create()
    for path in args.images:
        with Image.open(path) as image, torch.no_grad():
            probabilities = net(preprocess(image)).softmax(dim=1)[0]
        print(path)
        for p, label in zip(*probabilities.topk(min(args.topk, len(probabilities)))):
            name = CLASS_NAMES[label] if CLASS_NAMES else f"class {int(label)}"
            print(f"  {100 * p:6.2f} %  {name}")


if __name__ == "__main__":
    main()
