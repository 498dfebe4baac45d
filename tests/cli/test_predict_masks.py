"""``aff predict``: folders that masks go to, and how many images are held at once."""

import os
import weakref

import cv2
import numpy as np
import pytest

from aff.cli.common import image_paths
from aff.export.write import keep_entries
from aff.models.records import WEIGHTS

from ..conftest import ROOT
from ..data.masked import picture
from ..export.networks import exportable
from .conftest import exit_code

OWN = next(record.filename for record in WEIGHTS.values() if record.ours)
CLASSIFIER = os.path.join(ROOT, "params", OWN)


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


@pytest.fixture
def alive(monkeypatch):
    """The most images whose pixels were held at once, of those that were read."""
    read, held, most = image_paths.read_image, weakref.WeakSet(), [0]

    def counted(path):
        pixels = read(path).view(Pixels)
        held.add(pixels)
        most[0] = max(most[0], len(held))
        return pixels

    monkeypatch.setattr(image_paths, "read_image", counted)
    return most


class Pixels(np.ndarray):
    """An array that a set can hold."""

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    "command",
    [
        ["predict", CLASSIFIER],
        ["predict", CLASSIFIER, "--montage", "it.png"],
        ["features", CLASSIFIER],
        ["predict", "{network}", "--out", "masks"],
        ["predict", "{network}", "--montage", "it.png"],
    ],
)
@pytest.mark.parametrize("threads", [0, 2])
def test_photographs_are_not_kept_longer_than_needed(command, threads, network, elsewhere, alive):
    for number in range(12):
        cv2.imwrite(f"{number}.jpg", np.full((240, 230, 3), number, np.uint8))
    names = [f"{number}.jpg" for number in range(12)]
    argv = [word.format(network=network) for word in command]
    assert exit_code([*argv, *names, "-j", threads]) == 0
    assert 1 <= alive[0] <= 3 + 2 * threads
