"""What the file is for: to name the classes of images."""

import argparse
import sys

import torch
from PIL import Image, ImageOps
from torch.nn import functional

from .create import create, normalize, pixels_of
from .description import CLASS_NAMES, RESIZED, SIZE


def shares(length, parts):
    """What share of each of so many equal parts of a line its pixels are, (parts, length)."""
    edges = torch.arange(parts + 1, dtype=torch.float64) * length / parts
    starts = torch.arange(length, dtype=torch.float64)
    inside = torch.minimum(edges[1:, None], starts + 1) - torch.maximum(edges[:-1, None], starts)
    return (inside.clamp(min=0) * parts / length).float()


def preprocess(image):
    """A PIL image to the network's input, (1, 3, SIZE, SIZE), as it was evaluated: its shorter side
    scaled to RESIZED, bilinearly without smoothing, or without RESIZED to SIZE, averaged over areas
    where it shrinks; rounded to whole levels, the centre taken, normalised.
    """
    pixels = pixels_of(ImageOps.exif_transpose(image))
    height, width = pixels.shape[2:]
    side, shorter = RESIZED or SIZE, min(height, width)
    scaled = (side * height // shorter, side * width // shorter)
    if shorter > side and not RESIZED:
        pixels = shares(height, scaled[0]) @ pixels @ shares(width, scaled[1]).T
    else:
        pixels = functional.interpolate(pixels, scaled, mode="bilinear")
    top, left = (scaled[0] - SIZE) // 2, (scaled[1] - SIZE) // 2
    return normalize(pixels.round()[:, :, top : top + SIZE, left : left + SIZE])


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
