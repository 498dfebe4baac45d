"""Files of masks: labels come out as they went in, whatever the file's bits; nothing else does."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aff.data.mask_file import decode_mask, encode_mask, palette
from aff.utils.errors import InputError


def png(labels, depth, colour_type):
    """A PNG file, written by hand as its specification says."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    height, width = labels.shape
    bits = (labels[..., None] >> np.arange(depth)[::-1]) & 1
    rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    content = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    colours = chunk(b"PLTE", palette()[: 2**depth].tobytes()) if colour_type == 3 else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + colours
        + chunk(b"IDAT", zlib.compress(content))
        + chunk(b"IEND", b"")
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    depth=st.sampled_from((1, 2, 4, 8)),
    colour_type=st.sampled_from((0, 3)),
)
def test_labels_come_out_of_every_kind_of_file(seed, shape, depth, colour_type):
    labels = np.random.default_rng(seed).integers(0, 2**depth, shape).astype(np.uint8)
    found = decode_mask(png(labels, depth, colour_type), "mask")
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == np.uint8


def test_what_is_written_is_read_and_has_its_colours():
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    content = encode_mask(labels)
    np.testing.assert_array_equal(decode_mask(content, "mask"), labels)
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(np.array(image.convert("RGB")), palette()[labels])


def test_the_colours_are_vocs():
    expected = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128)}
    expected.update({20: (0, 64, 128), 255: (224, 224, 192)})
    assert {label: tuple(palette()[label].tolist()) for label in expected} == expected
    assert len(np.unique(palette(), axis=0)) == 256


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, **{"format": "PNG", **options})
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.new("RGB", (4, 4))),
        saved(Image.new("RGBA", (4, 4))),
        saved(Image.new("LA", (4, 4))),
        saved(Image.new("I;16", (4, 4))),
        saved(Image.new("L", (4, 4)), format="JPEG"),
        saved(Image.new("L", (4, 4)), format="BMP"),
        saved(Image.new("L", (4, 4)))[:-30],
        png(np.zeros((1, 201), np.uint8), 8, 0),
        b"",
        b"no image",
    ],
)
def test_what_holds_no_labels_is_refused(content):
    with pytest.raises(InputError, match="^some mask: "):
        decode_mask(content, "some mask")


def test_a_file_that_would_fill_the_memory_is_refused():
    header = png(np.zeros((1, 1), np.uint8), 8, 0)
    huge = header[:16] + struct.pack(">II", 40000, 40000) + header[24:29]
    huge += struct.pack(">I", zlib.crc32(huge[12:29])) + header[33:]
    with pytest.raises(InputError, match="some mask: an image of"):
        decode_mask(huge, "some mask")


@given(st.data())
def test_no_bytes_do_worse_than_an_input_error(data):
    content = bytearray(encode_mask(np.arange(64, dtype=np.uint8).reshape(8, 8)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode_mask(bytes(content), "mask").dtype == np.uint8
    except InputError as error:
        assert error.message.startswith("mask: ")
