"""What is written in place is a regular file, and what is removed is no more than was named."""

import os

import pytest

import aff
from aff.utils.download import download
from aff.utils.files import exclusive_file, open_in_place, remove, replacing


@pytest.fixture
def precious(tmp_path):
    """A file that something else leads to."""
    path = tmp_path / "precious"
    path.write_text("precious")
    return path


@pytest.fixture(params=["link", "dangling", "pipe", "folder", "device"])
def trap(request, precious, tmp_path):
    """What is no regular file, under a name that is written to."""
    path = tmp_path / "name.part"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "folder":
        path.mkdir()
    else:
        targets = {"link": precious, "device": "/dev/null", "dangling": tmp_path / "made"}
        path.symlink_to(targets[request.param])
    return path


def exclusive(path):
    with exclusive_file(str(path), lambda file: None):
        pass


def fetched(path):
    download("http://127.0.0.1:9/name", str(path)[: -len(".part")], lambda name: None, 100)


@pytest.mark.parametrize("write", [exclusive, lambda path: open_in_place(str(path), "a"), fetched])
def test_traps_are_refused(trap, write, precious, tmp_path):
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(aff.InputError, match=str(trap)):
        write(trap)
    assert precious.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == before


def test_a_link_under_the_name_of_what_is_being_written(precious, tmp_path):
    """It is taken away, as what a killed process of the same number left is."""
    path = tmp_path / "file"
    for name in ("file", f"file.{os.getpid()}.tmp"):
        (tmp_path / name).symlink_to(precious)
    with replacing(str(path)) as temporary, open(temporary, "w") as file:
        file.write("new")
    assert (path.read_text(), path.is_symlink()) == ("new", False)
    assert precious.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["file", "precious"]


def test_removing_a_link_leaves_what_it_leads_to(precious, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner").symlink_to(tmp_path)
    for name, target in (("one", precious), ("two", tmp_path / "folder"), ("three", "/none")):
        (tmp_path / name).symlink_to(target)
        remove(str(tmp_path / name))
        assert not os.path.lexists(tmp_path / name)
    assert (tmp_path / "folder" / "inner").is_symlink()
    remove(str(tmp_path / "folder"))
    remove(str(tmp_path / "folder"))
    assert os.listdir(tmp_path) == ["precious"]
