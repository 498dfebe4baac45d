"""The one opener: what is no file, or too large a one, is refused at once."""

import os
import socket

import pytest

import aff
from aff.data.archives import open_train, open_val
from aff.data.datasets.cifar import read_records
from aff.data.datasets.idx import read_idx
from aff.data.image_file import read_image
from aff.data.recordio import RecordFile
from aff.models.weights import blob_sha1
from aff.paper.curves import read_curve
from aff.training.settings_file import read_config
from aff.utils.json_file import read_json
from aff.utils.opening import MB, open_regular, read_bytes, read_lines, read_text
from aff.utils.params_file import ArrayFile

#: Everything that opens a file by its name.
READERS = {
    "json": read_json,
    "config": read_config,
    "log": read_curve,
    "params": ArrayFile,
    "hash": blob_sha1,
    "image": read_image,
    "rec": RecordFile,
    "train.tar": open_train,
    "val.tar": lambda path: open_val(path, path),
    "cifar": lambda path: read_records(path, 1),
    "idx": lambda path: read_idx(path, 3),
}
NO_FILES = ("fifo", "link", "zero", "null", "folder", "socket", "missing", "loop")


@pytest.fixture(params=NO_FILES)
def no_file(request, tmp_path, monkeypatch):
    """A path of what is no file, in a folder whose name is short enough for a socket."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    os.mkdir("folder")
    os.symlink("fifo", "link")
    os.symlink("/dev/zero", "zero")
    os.symlink("/dev/null", "null")
    os.symlink("loop", "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        yield request.param


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused(reader, no_file):
    with pytest.raises(aff.InputError) as error:
        READERS[reader](no_file)
    assert str(error.value).startswith(no_file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["best.params", "settings.json"])
def test_a_fifo_in_a_runs_folder(name, tmp_path):
    (tmp_path / "best.params").write_bytes(b"x")
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(aff.InputError):
        aff.load(str(tmp_path))


@pytest.mark.parametrize("name", ["x.params", "x.onnx", "x.safetensors", "x-symbol.json"])
def test_a_fifo_as_a_network(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(aff.InputError):
        aff.load(str(tmp_path / name))


@pytest.mark.parametrize("reader", ["json", "config", "log", "hash", "image", "cifar", "idx"])
def test_a_file_that_claims_a_terabyte_is_refused_unread(reader, tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(aff.InputError, match="x: a file of more than .* is refused"):
        READERS[reader](str(path))


def test_what_may_be_large_is_not_read_whole(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    for reader in ("params", "rec", "train.tar"):
        with pytest.raises(aff.InputError, match="x: "):
            READERS[reader](str(path))


def test_regular_files_and_links_to_them_are_read(tmp_path):
    (tmp_path / "file").write_bytes("a\r\nä\n".encode())
    (tmp_path / "link").symlink_to(tmp_path / "file")
    path = str(tmp_path / "link")
    with open_regular(path, MB) as file:
        assert file.read() == b"a\r\n\xc3\xa4\n"
    assert read_bytes(path, 6) == b"a\r\n\xc3\xa4\n"
    assert read_text(path, MB) == "a\nä\n"
    assert list(read_lines(path, MB)) == ["a\n", "ä\n"]
    with pytest.raises(aff.InputError, match="more than 5 bytes"):
        read_bytes(path, 5)


def test_long_lines_are_left_out(tmp_path):
    path = tmp_path / "x"
    for long in (10, 11, 25, 30):
        path.write_bytes(b"one\n" + b"x" * long + b"\ntwo\n" + b"y" * long)
        assert list(read_lines(str(path), MB, 10)) == ["one\n", "two\n"]
    path.write_bytes(b"x" * 9 + b"\n" + b"y" * 9)
    assert list(read_lines(str(path), MB, 10)) == ["x" * 9 + "\n", "y" * 9]


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"ab\xff")
    with pytest.raises(aff.InputError, match="x: cannot be read: no text of UTF-8 at byte 2"):
        read_text(str(tmp_path / "x"), MB)
    assert list(read_lines(str(tmp_path / "x"), MB)) == ["ab\ufffd"]
