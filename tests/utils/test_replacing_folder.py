"""Folders that are either whole or not there."""

import os

import pytest

from aff.utils.files import replacing_folder


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "it"
    for text in ("one", "two"):
        with replacing_folder(str(path)) as folder:
            assert not path.exists() or (path / "file").read_text() == "one"
            with open(os.path.join(folder, "file"), "w", encoding="utf-8") as file:
                file.write(text)
        assert (path / "file").read_text() == text
    assert os.listdir(tmp_path) == ["it"]


def test_nothing_is_left_of_one_that_fails(tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / ".it.tmp").symlink_to(tmp_path)  # of another; what it leads to stays
    with pytest.raises(KeyboardInterrupt), replacing_folder(str(tmp_path / "it")) as folder:
        assert os.listdir(folder) == []
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["it"]
