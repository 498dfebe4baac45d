"""What the file is for: to build the network, load its parameters, and classify images."""

import argparse
import os
import sys

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch.nn import functional

from .description import ARCHITECTURE, CLASS_NAMES, GREY, MEAN, RESIZED, SIZE, STD, WEIGHTS
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


def normalize(pixels):
    """Pixels, (N, 1 or 3, H, W) from 0 to 255, to the network's input (N, 3, H, W)."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return ((pixels - mean) / std).expand(-1, 3, -1, -1)


def preprocess(image):
    """A PIL image to the network's input, (1, 3, SIZE, SIZE), as it was evaluated: scaled
    bilinearly without smoothing (where RESIZED, its shorter side to that, and the centre is taken),
    rounded to whole levels, normalised.
    """
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"an image of mode {image.mode} has no levels from 0 to 255")
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
    """Print the most probable classes of each image."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("images", metavar="IMAGE", nargs="+")
    parser.add_argument("--topk", type=int, default=5, choices=range(1, 101), metavar="K")
    args = parser.parse_args()
    net, failed = create(), 0
    for path in args.images:
        try:
            with Image.open(path) as image:
                data = preprocess(image)
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
            continue
        with torch.no_grad():
            probabilities = net(data).softmax(dim=1)[0]
        print(path)
        for p, label in zip(*probabilities.topk(min(args.topk, len(probabilities)))):
            name = CLASS_NAMES[label] if CLASS_NAMES else f"class {int(label)}"
            print(f"  {100 * p:6.2f} %  {name}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
