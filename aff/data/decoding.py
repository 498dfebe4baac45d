"""Image files to pixels, within bounds."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from ..utils.errors import InputError

MAX_PIXELS, MAX_ASPECT = 1 << 27, 200


def decode(content: bytes, name: str) -> np.ndarray:
    """Return an image file's pixels, (H, W, 3) uint8, red first.

    Raises
    ------
    InputError
        For what cannot be decoded, and for sizes that would fill the memory.
    """
    try:
        with Image.open(io.BytesIO(content)) as header:
            width, height = header.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_ASPECT * min(width, height):
            raise InputError(f"{name}: an image of {width} x {height} pixels is refused")
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, cv2.error):
        pixels = None
    if pixels is None:
        raise InputError(f"{name}: cannot be decoded as an image")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
