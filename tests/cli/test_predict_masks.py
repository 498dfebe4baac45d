"""``aff predict`` of segmentation networks: the folders that masks go to."""

import os

import cv2
import pytest

from aff.export.write import keep_entries

from ..data.masked import picture
from ..export.networks import exportable
from .conftest import exit_code


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A parameter file of a segmentation network, which is described beside it."""
    folder = tmp_path_factory.mktemp("network")
    source = exportable("fpn_cifar_resnet8_ASKCFuse", folder)[1]
    keep_entries(str(folder), {os.path.basename(source.params): source.description()})
    return source.params


@pytest.fixture
def photo(elsewhere):
    """A picture in the current folder."""
    cv2.imwrite("photo.png", picture(18, 21)[0])
    return "photo.png"


@pytest.mark.parametrize("out", ["new/", "new//", "results.v2", "results.v2/"])
def test_any_new_folder_takes_masks(out, photo, network, capsys):
    assert exit_code(["predict", photo, network, "--out", out]) == 0
    for kind in ("masks", "overlays"):
        assert os.listdir(os.path.join(out, kind)) == ["photo.png"]
    assert sorted(os.listdir()) == sorted(["photo.png", out.rstrip("/")])


@pytest.mark.parametrize("out", ["there", "there/", "photo.png/"])
def test_what_is_there_already_is_named_before_anything_is_computed(out, photo, network, capsys):
    os.symlink("nowhere", "there")
    capsys.readouterr()
    assert exit_code(["predict", photo, network, "--out", out]) == 2
    said = capsys.readouterr().err
    assert f"--out {out}: is there already" in said and said.count("\n") == 1
    assert sorted(os.listdir()) == ["photo.png", "there"]
