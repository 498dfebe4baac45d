"""The bounded reader of ``.params`` files: what mxnet wrote comes back, the rest is refused."""

import struct

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aff
from aff.utils.params_file import ArrayFile


def read_arrays(path):
    """All of a file's arrays by name."""
    file = ArrayFile(path)
    return {name: file[name] for name in file.shapes}


DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")


@pytest.fixture
def saved(tmp_path):
    """A small file as mxnet writes it."""
    path = tmp_path / "net.params"
    mx.nd.save(str(path), {"a.weight": mx.nd.arange(6).reshape((2, 3)), "b": mx.nd.ones((1,))})
    return path


@pytest.mark.parametrize("np_shape", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_mxnet_writes_comes_back(tmp_path, dtype, np_shape):
    values = np.arange(24).reshape(2, 3, 4) % 2
    arrays = {"first": mx.nd.array(values).astype(dtype), "zweite.größe": mx.nd.ones((5,))}
    path = str(tmp_path / "x.params")
    with mx.util.np_shape(np_shape):
        mx.nd.save(path, arrays)
    read = read_arrays(path)
    assert list(read) == list(arrays)
    assert read["first"].dtype == np.dtype(dtype)
    np.testing.assert_array_equal(read["first"], values.astype(dtype))
    np.testing.assert_array_equal(read["zweite.größe"], np.ones(5))


def test_scalars_of_numpy_semantics(tmp_path):
    with mx.util.np_shape(True), mx.util.np_array(True):
        mx.npx.save(str(tmp_path / "x"), {"s": mx.np.array(3.5)})
    assert read_arrays(str(tmp_path / "x"))["s"] == 3.5


def test_the_format_of_mxnet_before_1_2(tmp_path):
    """Version 1 has no storage type."""
    array = struct.pack("<IiqiiifI", 0xF993FAC8, 1, 1, 1, 0, 0, 2.5, 0)[:-4]
    (tmp_path / "x").write_bytes(
        struct.pack("<QQQ", 0x112, 0, 1) + array + struct.pack("<QQ", 1, 1) + b"w"
    )
    assert read_arrays(str(tmp_path / "x"))["w"].tolist() == [2.5]
    assert mx.nd.load(str(tmp_path / "x"))["w"].asnumpy().tolist() == [2.5]


# Places in the fixture's file: header 0, count 16, array 24 (magic, storage type 28, dimensions 32,
# shape 36, device 52, format 60, values 64), second array 88, names 124.
@pytest.mark.parametrize(
    "place, kind, value, message",
    [
        (0, "Q", 0x113, "another header"),
        (16, "Q", 2**60, "1152921504606846976 arrays cannot be"),
        (16, "Q", 200_000, "arrays cannot be"),
        (24, "I", 7, "no version of mxnet's arrays"),
        (28, "i", 1, "not dense"),
        (32, "i", -1, "-1 dimensions"),
        (32, "i", 33, "33 dimensions"),
        (32, "i", 0, "0 dimensions"),
        (36, "q", -2, "shape"),
        (36, "q", 0, "shape"),
        (36, "q", 2**62, "ends within array 0"),
        (60, "i", 99, "number format, 99"),
        (124, "Q", 2**61, "names cannot be"),
        (124, "Q", 0, "bytes are left over"),
        (132, "Q", 2**63, "a name of"),
        (140, "B", 0xFF, "not UTF-8"),
        (140, "B", 27, "cannot be printed"),
    ],
)
def test_what_is_damaged_is_said(saved, place, kind, value, message):
    content = bytearray(saved.read_bytes())
    struct.pack_into(f"<{kind}", content, place, value)
    saved.write_bytes(content)
    with pytest.raises(aff.InputError, match=message) as error:
        read_arrays(str(saved))
    assert str(saved) in str(error.value)


def test_every_truncation_is_refused(saved):
    content = saved.read_bytes()
    for length in range(len(content)):
        saved.write_bytes(content[:length])
        with pytest.raises(aff.InputError, match="damaged"):
            read_arrays(str(saved))
    saved.write_bytes(content + b"\0")
    with pytest.raises(aff.InputError, match="1 bytes are left over"):
        read_arrays(str(saved))


def test_names_must_be_there_and_differ(tmp_path):
    path = str(tmp_path / "x")
    mx.nd.save(path, [mx.nd.ones((1,))])
    with pytest.raises(aff.InputError, match="arrays without names"):
        read_arrays(path)
    mx.nd.save(path, {"ab": mx.nd.ones((1,)), "ac": mx.nd.ones((1,))})
    with open(path, "rb") as file:
        content = file.read()
    (tmp_path / "x").write_bytes(content.replace(b"ac", b"ab"))
    with pytest.raises(aff.InputError, match="a name that occurs twice"):
        read_arrays(path)


def test_what_is_no_file_is_said(tmp_path):
    for path, message in ((tmp_path, "a folder"), (tmp_path / "none", "no such file")):
        with pytest.raises(aff.InputError, match=message):
            read_arrays(str(path))


@given(content=st.binary(max_size=400))
@settings(deadline=None, max_examples=200)
def test_arbitrary_bytes_are_refused(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "x"
    path.write_bytes(content)
    with pytest.raises(aff.InputError, match="damaged"):
        read_arrays(str(path))


def test_a_sparse_file_of_twenty_gigabytes_takes_no_memory(tmp_path):
    """It claims one array and holds it, without a block on the disk."""
    size = 5 * 2**30
    head = struct.pack("<QQQ", 0x112, 0, 1)
    head += struct.pack("<IiiqiiI", 0xF993FAC9, 0, 1, size, 1, 0, 0)
    with open(tmp_path / "x.params", "wb") as file:
        file.write(head)
        file.seek(len(head) + 4 * size)
        file.write(struct.pack("<QQ", 1, 6) + b"weight")
    net = mx.gluon.nn.Dense(1, in_units=1)
    with pytest.raises(aff.InputError, match=r"weight \(5368709120,\) for \(1, 1\)"):
        aff.load_parameters(net, str(tmp_path / "x.params"))


@pytest.mark.parametrize(
    "values, dtype, message",
    [
        (np.ones((1, 1), np.int8), "float32", "weight holds int8 values"),
        (np.full((1, 1), 1e300), "float32", "weight holds values too large for float32"),
        (np.full((1, 1), 70000, np.float32), "float16", "too large for float16"),
    ],
)
def test_values_that_are_no_parameters(tmp_path, values, dtype, message):
    path = str(tmp_path / "x.params")
    mx.nd.save(path, {"weight": mx.nd.array(values, dtype=values.dtype), "bias": mx.nd.ones((1,))})
    net = mx.gluon.nn.Dense(1, in_units=1)
    net.initialize()
    net.cast(dtype)
    before = net.weight.data().asnumpy()
    with pytest.raises(aff.InputError, match=message):
        aff.load_parameters(net, path)
    assert net.weight.data().asnumpy() == before
