"""What the file is for: to name the classes of images."""

import argparse
import sys

import torch
from PIL import Image, ImageOps
from torch.nn import functional

from .create import create, normalize
from .description import CLASS_NAMES, GREY, RESIZED, SIZE


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
