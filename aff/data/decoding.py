"""Image files to pixels, within bounds."""

from __future__ import annotations

import io

import cv2
import numpy as np

from ..utils.errors import InputError
from .image_file import decode_any, has_alpha, opened, orientation_of


def decode(content: bytes, name: str) -> np.ndarray:
    """Return an image file's pixels, (H, W, 3) uint8, red first; JPEG and PNG by OpenCV, as mxnet
    reads them, but PNG that is transparent or to be turned, and other formats, as
    :mod:`.image_file` does.

    Raises
    ------
    InputError
        For what cannot be decoded, and for sizes that would fill the memory.
    """
    file = io.BytesIO(content)
    with opened(file, name) as header:
        ours = header.format not in ("JPEG", "PNG") or has_alpha(header)
        ours = ours or (header.format == "PNG" and orientation_of(header, file) != 1)
    if ours:
        return decode_any(content, name)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{name}: cannot be decoded as an image")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
