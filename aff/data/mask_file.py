"""Masks: the class of each pixel of an image, as a PNG file of labels.

A file of indexed colours or of grey levels, 8 bits or fewer, whose values are the classes;
`IGNORED` is of none.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ..utils.errors import InputError
from .image_file import opened

#: The label of pixels that are neither learnt nor counted.
IGNORED = 255
SUFFIX = ".png"
#: Pillow spreads grey levels of fewer than 8 bits over 0 to 255: by what, for so many bits.
_SPREAD = {2: 85, 4: 17}
_BIT_DEPTH = 24  # its place in a PNG file


def decode_mask(content: bytes, name: str) -> np.ndarray:
    """Return the labels (H, W) uint8 of a mask's file.

    Parameters
    ----------
    content : bytes
        Of a PNG file.
    name : str
        What to call it in a message.

    Raises
    ------
    InputError
        For what cannot be decoded, for sizes that would fill the memory, and for pixels that are no
        labels: colours, 16 bits, transparency.
    """
    with opened(io.BytesIO(content), name, ("PNG",)) as image:
        image.load()
        if image.mode not in ("P", "L", "1"):
            raise InputError(
                f"{name}: a mask holds a label for each pixel, this file has pixels of mode "
                f"{image.mode}: save it as PNG of indexed colours, or of grey levels of 8 bits"
            )
        labels = np.array(image, np.uint8)
        return labels // _SPREAD.get(content[_BIT_DEPTH], 1) if image.mode == "L" else labels


def encode_mask(labels: np.ndarray) -> bytes:
    """Return a mask's file, PNG with the colours of `palette`, of labels (H, W) uint8."""
    image = Image.fromarray(labels, "L")
    image.putpalette(palette().tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def palette() -> np.ndarray:
    """Return a colour for each label, (256, 3) uint8, red first: Pascal VOC's, which deal a label's
    bits out to red, green and blue in turn, from their highest bit downwards.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), int)
    for level in range(8):
        for channel in range(3):
            colours[:, channel] |= (labels >> (3 * level + channel) & 1) << (7 - level)
    return colours.astype(np.uint8)
