"""RecordIO files that mxnet wrote, and damaged ones."""

import errno
import os
import struct

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.data.images import RecordImages
from aff.data.recordio import MAGIC, RecordFile

CONTENTS = [b"first", b"", MAGIC + b"inside" + MAGIC, bytes(range(256)) * 50]


@pytest.fixture
def written(tmp_path):
    """``x.rec`` and ``x.idx`` as mxnet writes them."""
    writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), str(tmp_path / "x.rec"), "w")
    for key, content in enumerate(CONTENTS):
        header = mx.recordio.IRHeader(0, float(key), key, 0)
        writer.write_idx(key, mx.recordio.pack(header, content))
    writer.close()
    return tmp_path


@pytest.mark.parametrize("indexed", [True, False])
def test_what_mxnet_wrote_comes_back(written, indexed):
    records = RecordFile(str(written / "x.rec"), str(written / "x.idx") if indexed else None)
    assert len(records) == len(CONTENTS)
    for place in (3, 0, 2, 1):
        labels, content = records.read(place)
        assert (labels.tolist(), content) == ([place], CONTENTS[place])


def test_several_labels(tmp_path):
    writer = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "w")
    writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, [1, 2, 3], 7, 0), b"image"))
    writer.close()
    labels, content = RecordFile(str(tmp_path / "x.rec")).read(0)
    assert (labels.tolist(), content) == ([1, 2, 3], b"image")


def test_one_label_packed_as_several_are(tmp_path):
    writer = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "w")
    writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, [4], 7, 0), b"image"))
    writer.close()
    records = RecordFile(str(tmp_path / "x.rec"))
    assert records.labels(0).tolist() == records.read(0)[0].tolist() == [4]


def test_a_truncated_file_is_refused_at_its_record(written):
    content = (written / "x.rec").read_bytes()
    (written / "x.rec").write_bytes(content[:-10])
    with pytest.raises(aff.InputError, match="record 3: the file ends within it"):
        RecordFile(str(written / "x.rec"))


@pytest.mark.parametrize(
    "index, message",
    [
        ("0\t0\n1\t999999\n", "2 entries for 4 records, 1 of which"),
        ("0\t0\n1\t0\n2\t0\n3\t0\n", "4 entries for 4 records, 1 of which"),
        ("0 0\n", "line 1 is no key and offset"),
        ("0\t\u00b2\n", "line 1 is no key and offset"),
        ("", "0 entries for 4 records"),
    ],
)
def test_an_index_that_does_not_fit(written, index, message):
    (written / "x.idx").write_text(index)
    with pytest.raises(aff.InputError, match=message):
        RecordFile(str(written / "x.rec"), str(written / "x.idx"))


def test_an_index_gives_the_order(written):
    lines = (written / "x.idx").read_text().splitlines()
    (written / "x.idx").write_text("\n".join(reversed(lines)))
    records = RecordFile(str(written / "x.rec"), str(written / "x.idx"))
    assert [records.read(place)[0][0] for place in range(4)] == [3, 2, 1, 0]


def test_damage_is_found(written):
    content = bytearray((written / "x.rec").read_bytes())
    struct.pack_into("<I", content, 4, 3 << 29 | 5)
    (written / "x.rec").write_bytes(content)
    with pytest.raises(aff.InputError, match="out of order"):
        RecordFile(str(written / "x.rec"))
    rng = np.random.default_rng(0)
    for _ in range(300):
        (written / "x.rec").write_bytes(rng.bytes(int(rng.integers(1, 200))))
        with pytest.raises(aff.InputError, match="no record starts"):
            RecordFile(str(written / "x.rec"))


def test_a_record_without_a_header(tmp_path):
    writer = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "w")
    writer.write(b"short")
    writer.close()
    with pytest.raises(aff.InputError, match="its header is cut short"):
        RecordFile(str(tmp_path / "x.rec")).read(0)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(aff.InputError, match="x.rec: cannot be read: no such file"):
        RecordFile(str(tmp_path / "x.rec"))


def test_a_disk_that_fails_is_damage_of_the_record(written, monkeypatch):
    def fails(*_):
        raise OSError(errno.EIO, "Input/output error")

    file = RecordFile(str(written / "x.rec"))
    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(aff.InputError, match="record 1, byte .*: cannot be read: Input/output"):
        file.read(1)


@pytest.mark.parametrize("label", [2.0**63, 2.0**24, 3e38, -1.0, 0.5, float("nan"), float("inf")])
def test_labels_that_no_class_has(label, tmp_path):
    writer = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "w")
    writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, label, 7, 0), b"image"))
    writer.close()
    with pytest.raises(aff.InputError, match="record 0: its label is"):
        RecordImages(str(tmp_path / "x.rec")).labels()
    with pytest.raises(aff.InputError, match="record 0: its label is"):
        RecordImages(str(tmp_path / "x.rec")).read(0)


def test_a_record_of_many_parts_is_bounded(tmp_path):
    """Three parts of half a GB each, mostly holes."""
    length = (1 << 29) - 4
    with (tmp_path / "x.rec").open("wb") as file:
        for number, flag in enumerate((1, 2, 3)):
            file.seek(number * (length + 8))
            file.write(MAGIC + struct.pack("<I", flag << 29 | length))
        file.truncate(3 * (length + 8))
    with pytest.raises(aff.InputError, match="x.rec: record 0: of more than"):
        RecordFile(str(tmp_path / "x.rec"))
