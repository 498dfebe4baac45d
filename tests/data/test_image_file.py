"""Files of every kind that people have, made by Pillow; what is damaged or too large is refused."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

import aff
from aff.data.decoding import decode
from aff.data.image_file import decode_any, pixels_of, read_image

from ..conftest import PHOTOGRAPH


@pytest.fixture(scope="module")
def colours():
    """(12, 17, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (12, 17, 3)).astype(np.uint8)


def saved(image, format, **options):
    """The content of a file that Pillow writes."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_formats_without_loss(colours, format):
    options = {"lossless": True} if format == "WEBP" else {}
    content = saved(Image.fromarray(colours), format, **options)
    np.testing.assert_array_equal(decode_any(content, "it"), colours)


def test_a_gif_is_its_first_frame():
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_any(content, "it")[4, 4].tolist() == [255, 0, 0]


def test_formats_that_are_not_asked_for(colours):
    for format in ("PDF", "TGA", "ICO"):
        content = saved(Image.fromarray(colours), format)
        with pytest.raises(aff.InputError, match=r"it\.x: cannot be decoded"):
            decode_any(content, "it.x")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_orientation(orientation, format):
    """A red corner of what a camera wrote, turned by its own definition (EXIF 2.3, tag 274)."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :16] = 255, 0, 0
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 95} if format == "JPEG" else {}
    found = decode_any(saved(Image.fromarray(pixels), format, exif=exif, **options), "it")
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90,
    }
    expected = turns[orientation](pixels)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 4


def test_damaged_exif_data_do_not_matter(colours):
    content = saved(Image.fromarray(colours), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0")
    np.testing.assert_array_equal(decode_any(content, "it"), colours)


def test_grey(colours):
    grey = colours[..., 0]
    found = decode_any(saved(Image.fromarray(grey), "PNG"), "it")
    np.testing.assert_array_equal(found, np.repeat(grey[..., None], 3, 2))


def test_one_bit(colours):
    bits = colours[..., 0] > 127
    found = decode_any(saved(Image.fromarray(bits), "PNG"), "it")
    np.testing.assert_array_equal(found[..., 1], bits * np.uint8(255))


def on_white(values, alpha):
    """Alpha composition on white, as its formula reads."""
    alpha = alpha[..., None] / 255
    return values * alpha + 255 * (1 - alpha)


def test_what_is_transparent_is_on_white(colours):
    alpha = colours[..., 1]
    rgba = np.dstack([colours, alpha])
    found = decode_any(saved(Image.fromarray(rgba), "PNG"), "it")
    assert np.abs(found - on_white(colours.astype(float), alpha)).max() <= 1
    grey = np.dstack([colours[..., 0], alpha])
    found = decode_any(saved(Image.fromarray(grey, "LA"), "PNG"), "it")
    expected = on_white(np.repeat(colours[..., :1], 3, 2).astype(float), alpha)
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_palettes(format):
    image = Image.new("P", (10, 10), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.putpixel((0, 0), 0)
    found = decode_any(saved(image, format), "it")
    assert found[5, 5].tolist() == [10, 200, 30] and found[0, 0].tolist() == [0, 0, 0]
    found = decode_any(saved(image, format, transparency=0), "it")
    assert found[5, 5].tolist() == [10, 200, 30] and found[0, 0].tolist() == [255, 255, 255]


def test_cmyk():
    content = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    red = decode_any(content, "it")[8, 8].astype(int)
    assert np.abs(red - (255, 0, 0)).max() <= 8


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_by_their_range(format):
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    found = decode_any(saved(Image.fromarray(values), format), "it")
    np.testing.assert_array_equal(found[..., 2], np.rint(values / 257))
    assert found.min() == 0 and found.max() == 255


def test_values_without_a_range_are_refused():
    whole = (np.full((4, 4), value, np.int32) for value in (200, 60000, 70000))
    for values in (*whole, np.ones((4, 4), np.float32)):
        with pytest.raises(aff.InputError, match=r"it\.tif: .* no known range"):
            decode_any(saved(Image.fromarray(values), "TIFF"), "it.tif")


def test_a_photograph_is_as_opencv_decodes_it():
    """Both come with libjpeg-turbo: the same pixels here, and a level or two apart elsewhere."""
    with open(PHOTOGRAPH, "rb") as file:
        theirs = decode(file.read(), PHOTOGRAPH).astype(int)
    assert np.abs(read_image(PHOTOGRAPH) - theirs).max() <= 4


def test_truncated_files_are_refused_whatever_another_library_set(monkeypatch, tmp_path):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as gluoncv.data does
    with open(PHOTOGRAPH, "rb") as file:
        (tmp_path / "cut.jpg").write_bytes(file.read(30000))
    with pytest.raises(aff.InputError, match=r"cut\.jpg: .*ends early"):
        read_image(str(tmp_path / "cut.jpg"))


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0"])
def test_what_is_no_image(content, tmp_path):
    path = tmp_path / "it.png"
    path.write_bytes(content)
    with pytest.raises(aff.InputError, match=r"it\.png: cannot be decoded as an image"):
        read_image(str(path))


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(aff.InputError, match="cannot be read"):
            read_image(str(path))


def test_sizes_that_would_fill_the_memory():
    for size in ((20000, 20000), (1000, 4)):
        content = saved(Image.new("1", size), "PNG")
        with pytest.raises(aff.InputError, match="is refused"):
            decode_any(content, "it.png")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_end_in_one_kind_of_error(data):
    format = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM"]))
    content = bytearray(saved(Image.radial_gradient("L").convert("RGB").resize((20, 30)), format))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode_any(bytes(content[: data.draw(st.integers(1, len(content)))]), "it")
    except aff.InputError as error:
        assert "it: " in str(error)
    else:
        assert found.dtype == np.uint8 and found.shape[2] == 3


def test_paths_images_and_arrays(colours, tmp_path):
    cv2.imwrite(str(tmp_path / "it.png"), colours[..., ::-1])
    for image in (str(tmp_path / "it.png"), tmp_path / "it.png", Image.fromarray(colours), colours):
        np.testing.assert_array_equal(pixels_of(image), colours)
    grey = colours[..., 0]
    for image in (grey, grey[..., None]):
        np.testing.assert_array_equal(pixels_of(image), np.repeat(grey[..., None], 3, 2))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        7,
        None,
    ],
)
def test_what_no_image_is(image):
    with pytest.raises(aff.InputError, match="image"):
        pixels_of(image)
