"""Tar files that claim what they do not hold are refused before it is read."""

import io
import tarfile

import pytest

import aff
from aff.data.archives import open_train, open_val

CONTENT = bytes(700)


def tar(path, members, form=tarfile.GNU_FORMAT, end=bytes(1024)):
    """A tar file of headers, each with the bytes that follow it."""
    with open(path, "wb") as file:
        for member, content in members:
            file.write(member.tobuf(form) + content + bytes(-len(content) % 512))
        file.write(end)
    return str(path)


def member(name="a.jpg", size=700, kind=tarfile.REGTYPE, **pax):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.pax_headers = size, kind, pax
    return info


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("n1\n")
    return str(path)


@pytest.mark.parametrize("size", [-1, -512, -1024, -(2**60), 10**6, 2**40, 2**62])
def test_sizes_that_cannot_be(size, labels, tmp_path):
    path = tar(tmp_path / "x.tar", [(member(size=size), CONTENT)])
    with pytest.raises(aff.InputError, match=r"x\.tar: damaged, or cut short within 'a\.jpg'"):
        open_val(path, labels)
    outer = member("n1.tar", 3 * 512)
    path = tar(tmp_path / "x.tar", [(outer, (tmp_path / "x.tar").read_bytes()[: 3 * 512])])
    with pytest.raises(aff.InputError, match=r"n1\.tar: damaged, or cut short within 'a\.jpg'"):
        open_train(path)


@pytest.mark.parametrize(
    "record", [b"22 GNU.sparse.major=1\n", b"22 GNU.sparse.map=0,9\n", b"13 size=-512\n"]
)
def test_holes(record, labels, tmp_path):
    extended = member(size=len(record), kind=tarfile.XHDTYPE)
    path = tar(tmp_path / "x.tar", [(extended, record), (member(), CONTENT)])
    with pytest.raises(aff.InputError, match="holes"):
        open_val(path, labels)
    path = tar(tmp_path / "x.tar", [(member(kind=tarfile.GNUTYPE_SPARSE), CONTENT)])
    with pytest.raises(aff.InputError, match="members of this form"):
        open_val(path, labels)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_other_headers(form, labels, tmp_path):
    name = "x" * 150 + "ä.jpg"
    with tarfile.open(tmp_path / "x.tar", "w", format=form) as file:
        folder = member("folder", 0, tarfile.DIRTYPE, comment="it")
        file.addfile(folder)
        image = member(name, mtime="1.5")
        file.addfile(image, io.BytesIO(CONTENT))
        file.addfile(member("b.txt"), io.BytesIO(CONTENT))
    images = open_val(str(tmp_path / "x.tar"), labels)
    assert images.relative(0) == f"n1/{name}"
    assert images.read(0) == (CONTENT, 0)


def test_an_archive_that_ends_between_two_members(labels, tmp_path):
    path = tar(tmp_path / "x.tar", [(member(), CONTENT)], end=b"")
    with pytest.raises(aff.InputError, match=r"x\.tar: has no end: it was cut short"):
        open_val(path, labels)


def test_an_image_as_large_as_the_archive(labels, tmp_path):
    path = tar(tmp_path / "x.tar", [(member(size=2**40), b"")], end=b"")
    with open(path, "r+b") as file:
        file.truncate(2**40 + 512)
        file.seek(2**40 + 512)
        file.write(bytes(1024))
    with pytest.raises(aff.InputError, match="an image of 1099511627776 bytes is refused"):
        open_val(path, labels)


def test_names_that_a_terminal_would_obey(labels, tmp_path):
    path = tar(tmp_path / "x.tar", [(member("\x1b[2J.jpg"), CONTENT)])
    with pytest.raises(aff.InputError, match="x.tar"):
        open_val(path, labels)
