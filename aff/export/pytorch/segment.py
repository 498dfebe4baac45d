"""What the file is for: to give every pixel of images a class."""

import argparse
import os
import sys

import torch
from PIL import Image, ImageOps
from torch.nn import functional

from .create import create, normalize, pixels_of
from .description import CLASS_NAMES


def segment(net, image):
    """The class of every pixel of a PIL image, (H, W): of the whole image, normalised, and padded
    below and on the right to sides that the network's stride divides.
    """
    data = normalize(pixels_of(ImageOps.exif_transpose(image)))
    height, width = data.shape[2:]
    data = functional.pad(data, (0, -width % net.stride, 0, -height % net.stride))
    with torch.no_grad():
        return net(data)[0, :, :height, :width].argmax(dim=0)


def palette():
    """Pascal VOC's colours, red, green and blue of each class in turn."""
    return [
        sum((label >> (3 * level + channel) & 1) << (7 - level) for level in range(8))
        for label in range(256)
        for channel in range(3)
    ]


def main():
    """Write the mask of each image, NAME.png in a folder, and print what share of its pixels is of
    which class.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("images", metavar="IMAGE", nargs="+")
    parser.add_argument("--out", metavar="FOLDER", default="masks")
    args = parser.parse_args()
    stems = [os.path.splitext(os.path.basename(path))[0] for path in args.images]
    places = [os.path.join(args.out, f"{stem}.png") for stem in stems]
    for path, place in zip(args.images, places):
        if os.path.lexists(place) or places.count(place) > 1:
            parser.error(f"{path}: its mask {place} is there already, or another image's too")
    os.makedirs(args.out, exist_ok=True)
    net, failed = create(), 0
    for path, place in zip(args.images, places):
        try:
            with Image.open(path) as image:
                labels = segment(net, image)
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
            continue
        height, width = labels.shape
        mask = Image.frombytes("P", (width, height), bytes(labels.flatten().tolist()))
        mask.putpalette(palette())
        mask.save(place)
        print(path)
        shares = labels.flatten().bincount() / labels.numel()
        for label in shares.argsort(descending=True, stable=True):
            if shares[label]:
                name = CLASS_NAMES[label] if CLASS_NAMES else f"class {int(label)}"
                print(f"  {100 * shares[label]:6.2f} %  {name}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
