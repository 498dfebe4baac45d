"""``aff make-scenes``: a folder that trains, whole or not there, and nobody else's."""

import hashlib
import json
import os

import numpy as np
import pytest
from PIL import Image

from aff.data.image_file import read_image
from aff.data.made_folder import read_made
from aff.data.mask_file import IGNORED
from aff.data.mask_folders import mask_parts
from aff.data.scene_set import MADE_BY, SceneManifest
from aff.data.scene_sizes import find_size_maps

from ..conftest import write_idx
from .conftest import exit_code, held_by_another

FLAGS = ("--train", 6, "--test", 3, "--size", 48, "--scales", 6, 40, "-j", 2)


@pytest.fixture(scope="module")
def fashion(tmp_path_factory):
    """Fashion-MNIST's files, of 20 squares and 10 smaller ones."""
    folder = tmp_path_factory.mktemp("fashion")
    for part, count, edge in (("train", 20, 2), ("t10k", 10, 6)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, edge:-edge, edge:-edge] = 100 + np.arange(count)[:, None, None]
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return folder


@pytest.fixture
def make(fashion):
    def run(out, *flags):
        return exit_code(["make-scenes", out, "--data-dir", fashion, *FLAGS, *flags])

    return run


@pytest.fixture(scope="module")
def made(fashion, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "scenes"
    assert exit_code(["make-scenes", out, "--data-dir", fashion, *FLAGS]) == 0
    return out


def files(folder):
    return {
        os.path.relpath(os.path.join(base, name), folder): open(
            os.path.join(base, name), "rb"
        ).read()
        for base, _, names in os.walk(folder)
        for name in names
    }


def test_the_folder_is_one_of_images_and_masks(made):
    parts = mask_parts(str(made))
    assert {part: len(masks) for part, masks in parts.items()} == {"train": 6, "val": 3}
    names = parts["train"].classes
    assert names[:3] == ["background", "T-shirt/top", "trouser"]
    assert len(names) == 11
    for masks in parts.values():
        assert (masks.sizes == 48).all()
        assert masks.read(0)[0].shape == (48, 48, 3)


def test_the_manifest_says_what_is_there(made):
    manifest = read_made(str(made), MADE_BY, SceneManifest)
    assert manifest.settings.scales == [6, 40]
    assert "--scales 6 40" in manifest.command
    for part, entry in manifest.parts.items():
        masks = mask_parts(str(made))["train" if part == "train" else "val"]
        counts = masks.count_pixels()
        assert list(entry.pixels.values()) == counts[:11].tolist()
        assert list(entry.pixels) == masks.classes
        digest = hashlib.sha256()
        for index in range(len(masks)):
            pixels, labels = masks.read(index)
            digest.update(pixels.tobytes() + labels.tobytes())
            digest.update(find_size_maps(masks).sides(index).tobytes())
        assert entry.contents == digest.hexdigest()
        assert 3 * entry.scenes <= sum(sum(of.values()) for of in entry.objects.values())


def test_parts_by_size_divide_the_pixels(made):
    masks = mask_parts(str(made))["train"]
    maps = find_size_maps(masks)
    for index in range(len(masks)):
        labels = np.pad(masks.labels(index), ((0, 16), (0, 8)), constant_values=IGNORED)
        sides = np.array(Image.open(made / "train" / "sides" / f"{index:05}.png"))
        parts = maps.divide(labels, index)
        assert list(parts) == ["small", "middle", "large"]
        low, high = maps.bounds
        for name, chosen in {
            "small": sides < low,
            "middle": (sides >= low) & (sides < high),
            "large": sides >= high,
        }.items():
            expected = np.where(chosen, labels[:48, :48], IGNORED)
            np.testing.assert_array_equal(parts[name][:48, :48], expected)
        counted = sum((part != IGNORED).astype(int) for part in parts.values())
        np.testing.assert_array_equal(counted, labels != IGNORED)


def test_other_sets_have_no_maps(made, tmp_path):
    for name in ("images", "masks"):
        os.makedirs(tmp_path / "val" / name)
        os.link(made / "test" / name / "00000.png", tmp_path / "val" / name / "00000.png")
    os.symlink(tmp_path / "val", tmp_path / "train")
    assert find_size_maps(mask_parts(str(tmp_path))["val"]) is None


def test_parts_have_items_of_their_own(make, tmp_path):
    """Test items are smaller squares in their frames: 16 of 28 pixels, not 24."""
    assert make(tmp_path, "--objects", 1, 1, "--scales", 28, 28) == 0
    for part, edge in (("train", 24), ("val", 16)):
        masks = mask_parts(str(tmp_path))[part]
        found = [masks.labels(index) > 0 for index in range(len(masks))]
        assert max(labels.any(axis=1).sum() for labels in found) == edge


def test_it_is_made_once_and_the_same_again(made, make, tmp_path, capsys):
    before = files(made)
    assert make(made) == 0
    assert capsys.readouterr().out.count("done already") == 2
    assert files(made) == before
    assert make(tmp_path / "again") == 0
    assert {name: value for name, value in files(tmp_path / "again").items()} == before
    assert make(tmp_path / "other", "--seed", 1) == 0
    assert files(tmp_path / "other") != before


def test_what_is_missing_is_made_again(made, make, tmp_path, capsys):
    out = tmp_path / "scenes"
    assert make(out) == 0
    os.remove(out / "train" / "sides" / "00003.png")
    (out / ".test.tmp").mkdir()
    (out / ".test.tmp" / "rest").write_text("of a run that was killed")
    os.rename(out / "test", out / "elsewhere")
    capsys.readouterr()
    assert make(out) == 0
    assert "done already" not in capsys.readouterr().out
    assert {n: v for n, v in files(out).items() if not n.startswith("elsewhere")} == files(made)


def test_what_was_added_to_a_part_is_left_alone(make, tmp_path, capsys):
    out = tmp_path / "scenes"
    assert make(out) == 0
    mine = out / "train" / "images" / "mine.png"
    mine.write_text("of the user's")
    assert make(out) == 2
    assert f"{out}/train: is there already" in capsys.readouterr().err
    assert mine.exists()


@pytest.mark.parametrize("flags", [("--seed", 1), ("--train", 7), ("--objects", 1, 2)])
def test_other_scenes_are_not_mixed_in(made, make, flags, capsys):
    before = files(made)
    assert make(made, *flags) == 2
    assert str(made) in capsys.readouterr().err
    assert files(made) == before


def test_a_folder_of_others_is_left_alone(make, tmp_path, capsys):
    (tmp_path / "letters.txt").write_text("dear")
    assert make(tmp_path) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["letters.txt"]
    (tmp_path / "manifest.json").write_text(json.dumps({"train": {}}))
    assert make(tmp_path) == 2
    assert sorted(os.listdir(tmp_path)) == ["letters.txt", "manifest.json"]


def test_a_folder_that_another_process_writes_to_is_refused(make, tmp_path, capsys):
    with held_by_another(tmp_path):
        assert make(tmp_path) == 2
    assert "another OUT" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [("--scales", 9, 8), ("--scales", 8, 256), ("--objects", 3, 2), ("--size", 0), ("--train", 0)],
)
def test_wrong_settings_are_refused(make, tmp_path, flags, capsys):
    assert make(tmp_path / "out", *flags) == 2
    assert flags[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_items_of_every_class_are_needed(tmp_path, capsys):
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", np.full((4, 28, 28), 99))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(4))
    assert exit_code(["make-scenes", tmp_path / "out", "--data-dir", tmp_path, *FLAGS]) == 2
    assert "no items of some classes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_pictures_open_as_all_others(made):
    assert read_image(str(made / "train" / "images" / "00000.png")).shape == (48, 48, 3)
