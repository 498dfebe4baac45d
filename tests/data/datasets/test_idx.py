"""IDX files: whole ones are read, damaged ones are named with their position."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aff
from aff.data.datasets.idx import find_idx, read_idx, read_images_and_labels

from ...conftest import write_idx

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize("name", ["x-idx3-ubyte", "x-idx3-ubyte.gz"])
def test_round_trip(tmp_path, name):
    write_idx(tmp_path / name, IMAGES)
    np.testing.assert_array_equal(read_idx(str(tmp_path / name), 3), IMAGES)


def test_find_takes_either_form_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    write_idx(tmp_path / "b" / "x.gz", IMAGES)
    assert find_idx("x", [str(tmp_path / "a"), str(tmp_path / "b")]) == str(tmp_path / "b" / "x.gz")
    write_idx(tmp_path / "b" / "x", IMAGES)
    assert find_idx("x", [str(tmp_path / "b")]) == str(tmp_path / "b" / "x")
    assert not find_idx("y", [str(tmp_path)])


def good():
    return struct.pack(">HBBIII", 0, 8, 3, *IMAGES.shape) + IMAGES.tobytes()


@pytest.mark.parametrize(
    "content, message",
    [
        (good()[:-1], "byte 75: ends there"),
        (good() + b"x", "byte 76: goes on"),
        (good()[:10], "ends at byte 10"),
        (b"", "ends at byte 0"),
        (b"\x00\x00\x0d\x03" + good()[4:], "not an IDX file"),
        (struct.pack(">HBBI", 0, 8, 1, 3) + bytes(20), "not an IDX file"),
        (struct.pack(">HBBIII", 0, 8, 3, *[2**32 - 1] * 3), "claims"),
        (gzip.compress(good(), mtime=0)[:-12], "cannot be read"),
        (b"\x1f\x8b" + bytes(30), "cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, message):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(aff.InputError, match=message) as error:
        read_idx(str(path), 3)
    assert str(path) in str(error.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_bytes_do_worse_than_an_input_error(tmp_path_factory, data):
    content = bytearray(good() if data.draw(st.booleans()) else gzip.compress(good()))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        assert read_idx(str(path), 3).ndim == 3
    except aff.InputError as error:
        assert str(path) in str(error)


def test_counts_must_agree(tmp_path):
    write_idx(tmp_path / "i", IMAGES)
    write_idx(tmp_path / "l", np.zeros(2))
    with pytest.raises(aff.InputError, match="3 images.*2 labels"):
        read_images_and_labels(str(tmp_path / "i"), str(tmp_path / "l"))
