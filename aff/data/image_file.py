"""Images of people's own to pixels: any file that Pillow reads of the usual formats, within bounds.

Training and evaluation read theirs by :mod:`aff.data.decoding`, as the published runs did, and by
this what those had none of.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import BinaryIO, Iterator, Tuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

from ..utils.errors import InputError
from ..utils.opening import MB, open_regular, read_bytes

MAX_PIXELS, MAX_ASPECT = 1 << 27, 200
#: Pillow's names of what is read; all its other readers stay shut.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
#: How names of such files end.
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
MAX_BYTES = 512 * MB
WHITE = (255, 255, 255, 255)
#: The tag of EXIF data that says how a picture lies, and its values for those that lie on a side.
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: What texts of PNG files begin with that hold EXIF data or, as XMP, a part of them.
EXIF_KEYS = (b"Raw profile type", b"XML:com.adobe.xmp")
#: Of a PNG file: more than the largest has that is read, of pixels by 8 kB.
MAX_CHUNKS = 1 << 17
LONGEST_KEY = max(map(len, EXIF_KEYS))
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def read_image(path: str) -> np.ndarray:
    """Return the pixels of an image file, (H, W, 3) uint8, red first, upright.

    Raises
    ------
    InputError
        For a file that cannot be read or decoded, and for sizes that would fill the memory.
    """
    return decode_any(read_bytes(path, MAX_BYTES), path)


def decode_any(content: bytes, name: str) -> np.ndarray:
    """Return the pixels of an image file's content, (H, W, 3) uint8; `name` is for messages."""
    with opened(io.BytesIO(content), name) as image:
        image.load()
        return to_pixels(image, name)


@contextmanager
def opened(file: BinaryIO, name: str, formats: Tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """Open an image of a size within bounds, and turn what Pillow raises of it into one line.

    Raises
    ------
    InputError
        Where what is done with it fails.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # which gluoncv.data switches on for all
    try:
        with Image.open(file, formats=formats) as image:
            check_size(image, name)
            if image.format == "JPEG":  # whose orientation OpenCV and browsers take from EXIF alone
                image.info.pop("xmp", None)
            yield image
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{name}: an image of more than {MAX_PIXELS:,} pixels is refused"
        ) from error
    except Exception as error:  # a damaged file runs Pillow's readers into errors of every kind
        truncated = " (it ends early)" if "truncated" in str(error) else ""
        raise InputError(f"{name}: cannot be decoded as an image{truncated}") from error


def read_size(path: str, upright: bool = True) -> Tuple[int, int]:
    """Return width and height of an image file as `read_image` gives it, or, without `upright`, as
    it is stored, from its header alone.

    Raises
    ------
    InputError
        As `read_image`, as far as the header shows it.
    """
    with open_regular(path, MAX_BYTES) as file, opened(file, path) as image:
        width, height = image.size
        sideways = upright and orientation_of(image, file) in SIDEWAYS
    return (height, width) if sideways else (width, height)


def orientation_of(image: Image.Image, file: BinaryIO) -> int:
    """Return how an image lies that was opened from a file, by EXIF's numbers; of a PNG file its
    pixels are read only where something behind them may say it.
    """
    try:
        early = image.format == "PNG" and not _says_more(file)
        exif = Image.Image.getexif(image) if early else image.getexif()
        return exif.get(ORIENTATION, 1)
    except Exception:  # damaged EXIF data, as in `_upright`
        return 1


def _says_more(file: BinaryIO) -> bool:
    """Tell whether a PNG file has EXIF data, in whatever form, behind its pixels."""
    place, behind = file.tell(), False
    file.seek(len(PNG_SIGNATURE))
    try:
        for _ in range(MAX_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                break
            start = file.read(min(LONGEST_KEY, int.from_bytes(head[:4], "big")))
            if behind and (head[4:] == b"eXIf" or start.startswith(EXIF_KEYS)):
                return True
            behind = behind or head[4:] == b"IDAT"
            file.seek(int.from_bytes(head[:4], "big") - len(start) + 4, os.SEEK_CUR)
        return False
    finally:
        file.seek(place)


def to_pixels(image: Image.Image, name: str = "image") -> np.ndarray:
    """Return the pixels of a Pillow image, (H, W, 3) uint8: turned upright as its EXIF data say,
    the first frame of several, grey repeated, what is transparent on white, 16-bit grey scaled by
    its full range to 8 bits.

    Raises
    ------
    InputError
        For sizes that would fill the memory, and for whole numbers of 32 bits and floating-point
        values, whose range nothing tells.
    """
    check_size(image, name)
    form, image = image.format, _upright(image)
    if image.mode in ("I", "F") and form not in (None, "PNG", "PPM"):
        raise _rangeless(image, name)
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(_eight_bits(image, name)[:, :, None], 3, axis=2)
    if has_alpha(image):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return np.array(image.convert("RGB"))


def has_alpha(image: Image.Image) -> bool:
    """Tell whether some of an image may be transparent."""
    return image.mode in _WITH_ALPHA or "transparency" in image.info


def check_size(image: Image.Image, name: str) -> None:
    """Refuse an image that would fill the memory, or that is next to no area."""
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS or max(image.size) > MAX_ASPECT * min(image.size):
        raise InputError(f"{name}: an image of {width} x {height} pixels is refused")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image) or image
    except Exception:  # damaged EXIF data, of which the pixels do not depend
        return image


def _rangeless(image: Image.Image, name: str) -> InputError:
    return InputError(
        f"{name}: pixels of mode {image.mode} have no known range: save it with 8 or 16 bits"
    )


def _eight_bits(image: Image.Image, name: str) -> np.ndarray:
    """Return grey values of 16 bits (which some of Pillow's readers keep as 32) as 8, (H, W)."""
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise _rangeless(image, name)
    return np.rint(values / 257).astype(np.uint8)


def pixels_of(image: object) -> np.ndarray:
    """Return the pixels of a path, a Pillow image or an array, (H, W, 3) uint8.

    Parameters
    ----------
    image : path, PIL.Image.Image or numpy.ndarray
        Arrays are uint8, (H, W) or (H, W, 1) for grey, or (H, W, 3), red first.

    Raises
    ------
    InputError
        For anything else, and as `read_image`.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_image(os.fspath(image))
    if isinstance(image, Image.Image):
        return to_pixels(image)
    if not isinstance(image, np.ndarray):
        raise InputError(f"an image is a path, a PIL image or an array, not {type(image).__name__}")
    shape = image.shape[:2] if image.ndim == 3 and image.shape[2] in (1, 3) else image.shape
    if len(shape) != 2 or not image.size or image.dtype != np.uint8:
        raise InputError(
            f"an image of shape {image.shape}, {image.dtype}: arrays are uint8, (H, W) or "
            "(H, W, 3); several go in a list"
        )
    return np.ascontiguousarray(np.broadcast_to(image.reshape(*shape, -1), (*shape, 3)))
