"""Images of every format and mode, of one pixel or of billions, whole or not."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from aff.data.decoding import decode
from aff.data.image_file import MAX_PIXELS, decode_any, pixels_of
from aff.data.transforms import central_view, small_square

from .params import mutated

#: Modes that each format can keep.
FORMATS = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"),
    "WEBP": ("RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16"),
}
SIZES = ((1, 1), (1, 5000), (5000, 1), (2, 3), (33, 47))


def picture(kind, mode, size, rng):
    """An image file's content, some with EXIF data that turn it."""
    rows = np.frombuffer(
        np.random.default_rng(rng.randrange(99)).bytes(size[0] * size[1]), np.uint8
    )
    image = Image.fromarray(rows.reshape(size[1], size[0]))
    image = image.convert("I;16" if mode == "I;16" else "RGB").convert(mode)
    exif = Image.Exif()
    exif[0x0112] = rng.choice((1, 3, 6, 8, 0, 9, 65535))
    told = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "TIFF") else {}
    written = io.BytesIO()
    image.save(written, kind, **told)
    return written.getvalue()


def bomb(width, height):
    """A PNG file that says that it is so large, of some kB."""

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(min(3 * width * height, 2**24)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bombs():
    """Images that would fill the memory."""
    sides = (1, 2**14, 2**16, 2**20, 2**31 - 1)
    found = [bomb(width, height) for width in sides for height in sides]
    for kind in ("BMP", "GIF", "TIFF", "PPM"):
        written = io.BytesIO()
        Image.new("L", (300, 300)).save(written, kind)
        for number in (300).to_bytes(2, "little"), (300).to_bytes(2, "big"), b"300":
            found.append(written.getvalue().replace(number, b"9" * len(number), 2))
    return found


def tries(folder, rng, times):
    """Each read by both ways, and made ready for a network."""

    def read(content):
        for way in (decode, decode_any):
            pixels = way(content, "it")
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            assert pixels.size <= 3 * MAX_PIXELS
            central_view(pixels, 32, 0.875)
            small_square(pixels, 32, 3)

    path = folder / "it"
    for kind, modes in FORMATS.items():
        for mode in modes:
            for size in SIZES:
                content = picture(kind, mode, size, rng)
                path.write_bytes(content)
                yield "whole", lambda: read(content)  # noqa: B023
                yield "whole", lambda: pixels_of(path)
    for content in bombs():
        yield "claims to be large", lambda: read(content)  # noqa: B023
    for _ in range(times):
        kind = rng.choice(list(FORMATS))
        content = picture(kind, rng.choice(FORMATS[kind]), rng.choice(SIZES), rng)
        harmed = mutated(content, rng)
        yield f"mutated {kind}", lambda: read(harmed)  # noqa: B023
