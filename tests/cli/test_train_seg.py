"""``aff train-seg``, and the ways of what it trains: evaluated, shown images, exported."""

import csv
import json
import shutil
import sys

import cv2
import mxnet as mx
import numpy as np
import pytest

import aff
from aff.cli.common import segmenting
from aff.data.mask_file import decode_mask, encode_mask, palette
from aff.inference.mask_predictor import MaskPredictor
from aff.viz.montage import CELL, KEY
from aff.viz.overlay import overlay

from ..conftest import ROOT, run_python
from ..data.masked import picture, write_masked
from .conftest import QUICK_MASKS as QUICK
from .conftest import exit_code, fails

IAFF = "fashion_mnist_iaff_resnet8"


@pytest.fixture(scope="module")
def trained(masked, tmp_path_factory):
    """A run's folder, and what it said."""
    root = tmp_path_factory.mktemp("trained")
    argv = ["train-seg", "--data-dir", masked, *QUICK, "--save-dir", root / "run"]
    assert exit_code([*argv, "--logging-dir", root / "logs"]) == 0
    return root / "run"


@pytest.fixture
def image(tmp_path):
    """An image of a size that nothing divides, and its labels."""
    pixels, labels = picture(19, 23, 7)
    cv2.imwrite(str(tmp_path / "photo.png"), pixels[..., ::-1])
    return tmp_path / "photo.png", pixels, labels


def test_evaluation_is_what_the_run_said(trained, tmp_path, capsys):
    result = json.loads((trained / "result.json").read_text())
    capsys.readouterr()
    files = ["--json", tmp_path / "it.json", "--confusion", tmp_path / "it.csv", "--per-class"]
    assert exit_code(["evaluate", trained, "--mode", "hybrid", *files]) == 0
    said = capsys.readouterr().out
    assert f"mIoU {100 * result['val_miou']:.2f} %" in said
    found = json.loads((tmp_path / "it.json").read_text())
    assert found["miou"] == result["val_miou"] > 0.5
    assert (found["images"], found["pixels"]) == (3, 16 * 16 * 2 + 18 * 21)
    counts = np.array(found["confusion"])
    with open(tmp_path / "it.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[1:] == ["ground", "water", "road"] == [item["name"] for item in found["classes"]]
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], int), counts)
    for label, item in enumerate(found["classes"]):
        union = counts[label].sum() + counts[:, label].sum() - counts[label, label]
        assert item["iou"] == counts[label, label] / union
        assert f"{100 * item['iou']:.2f} %" in said
    assert found["pixel_error"] == pytest.approx(1 - np.trace(counts) / counts.sum())


def test_one_evaluation_of_two_devices_and_other_batches(trained, tmp_path):
    found = []
    for name, more in {
        "a": ["--mode", "imperative"],
        "b": ["--cpus", 2, "--batch-size", 1],
    }.items():
        path = tmp_path / f"{name}.json"
        assert exit_code(["evaluate", trained, *more, "--json", path]) == 0
        found.append(json.loads(path.read_text())["confusion"])
    assert found[0] == found[1]


def test_other_masks_can_be_evaluated(trained, tmp_path, capsys):
    write_masked(tmp_path / "own", 2, seed=9, sizes=((13, 17),))
    assert exit_code(["evaluate", trained, "--data-dir", tmp_path / "own"]) == 0
    assert f"2 images, {2 * 13 * 17} pixels" in capsys.readouterr().out
    for path in (tmp_path / "own" / "masks").iterdir():
        path.write_bytes(encode_mask(np.ones((13, 17), np.uint8)))
    assert exit_code(["evaluate", trained, "--data-dir", tmp_path / "own"]) == 0
    assert "2 of the network's 3 classes are in none of these masks" in capsys.readouterr().out
    (tmp_path / "own" / "classes.txt").write_text("ground\nroad\n")
    fails(["evaluate", trained, "--data-dir", tmp_path / "own"], capsys, "classes.txt")


def test_masks_and_overlays_are_written(trained, image, tmp_path):
    path, pixels, labels = image
    predictor = aff.load(str(trained))
    assert isinstance(predictor, MaskPredictor)
    expected = predictor.segment(str(path))
    assert expected.shape == labels.shape and (expected == labels).mean() > 0.7
    np.testing.assert_array_equal(predictor.segment([pixels])[0], expected)
    other = tmp_path / "deep" / "er"
    other.mkdir(parents=True)
    shutil.copy(path, other / "copy.png")
    assert exit_code(["predict", path, other, trained, "--out", tmp_path / "out"]) == 0
    for name in ("photo.png", "deep/er/copy.png"):
        content = (tmp_path / "out" / "masks" / name).read_bytes()
        np.testing.assert_array_equal(decode_mask(content, name), expected)
        drawn = cv2.imread(str(tmp_path / "out" / "overlays" / name))[..., ::-1]
        np.testing.assert_array_equal(drawn, overlay(pixels, expected))


def test_an_overlay_leaves_the_background():
    pixels, labels = picture(5, 6)
    drawn = overlay(pixels, labels)
    np.testing.assert_array_equal(drawn[labels == 0], pixels[labels == 0])
    for label in (1, 2):
        mean = (pixels[labels == label].astype(float) + palette()[label]) / 2
        assert np.abs(drawn[labels == label] - mean).max() <= 0.5


def test_the_table_has_the_shares_of_the_classes(trained, image, capsys):
    capsys.readouterr()
    assert exit_code(["predict", image[0], "--params", trained]) == 0
    said = capsys.readouterr().out.splitlines()
    shares = {line.split()[2]: float(line.split()[0]) for line in said[1:]}
    found = aff.load(str(trained)).segment(str(image[0]))
    for label, name in enumerate(["ground", "water", "road"]):
        assert shares.get(name, 0) == pytest.approx(100 * (found == label).mean(), abs=0.06)


def test_an_image_that_cannot_be_read_is_left_out(trained, image, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"x")
    argv = ["predict", tmp_path / "broken.png", trained, "--out", tmp_path / "out"]
    assert exit_code(argv) == 2
    assert "none of 1 files" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert exit_code([*argv, image[0]]) == 1
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["photo.png"]
    fails([*argv, image[0]], capsys, "out: is there already")


def test_a_montage_has_each_image_beside_its_mask(trained, image, tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(segmenting, "LIMIT", 4)
    monkeypatch.setattr(segmenting, "draw_montage", lambda *given: drawn.append(given))
    twins = [shutil.copy(image[0], tmp_path / f"{number}.png") for number in range(3)]
    argv = ["predict", *twins, trained, "--montage", tmp_path / "it.png"]
    assert exit_code([*argv, "--out", tmp_path / "out"]) == 0
    assert f"wrote {tmp_path / 'it.png'}: the first 2 of 3 images" in capsys.readouterr().out
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 3
    ((tiles, path, columns),) = drawn
    assert (path, columns % 2, [tile.title for tile in tiles]) == (
        str(tmp_path / "it.png"),
        0,
        ["0.png", "", "1.png", ""],
    )
    np.testing.assert_array_equal(tiles[0].pixels, image[1])
    found = aff.load(str(trained)).segment(str(image[0]))
    np.testing.assert_array_equal(tiles[1].pixels, overlay(image[1], found))
    assert tiles[1].captions[0].endswith(("ground", "water", "road"))
    monkeypatch.undo()
    assert exit_code(["predict", image[0], *argv[-3:]]) == 0
    assert "it.png: 1 image\n" in capsys.readouterr().out
    height, width = cv2.imread(str(tmp_path / "it.png")).shape[:2]
    shown = [text.split("%  ")[1] for text in tiles[1].captions]
    assert list(tiles[1].colours) == [name for name in ("water", "road") if name in shown]
    whole = CELL[1] + KEY * bool(tiles[1].colours)
    assert width / height == pytest.approx(2 * CELL[0] / whole, abs=0.02)  # no empty columns


def test_what_a_segmentation_network_does_not_do(trained, image, tmp_path, capsys):
    fails(["predict", image[0], trained, "--montage", tmp_path / "x.jpg"], capsys, "--montage")
    for flags in (["--topk", 1], ["--out", tmp_path / "x.csv"]):
        fails(["predict", image[0], trained, *flags], capsys, flags[0], "classes of pixels")
    fails(["features", image[0], trained, "--out", tmp_path / "x.npz"], capsys, "every pixel")
    predictions = ["--predictions", tmp_path / "x.csv"]
    fails(["evaluate", trained, *predictions], capsys, "--predictions")
    fails(["evaluate", trained, "--dataset", "digits"], capsys, "no network for --dataset digits")
    fails(["predict", image[0], IAFF, "--out", tmp_path / "x"], capsys, "ends in .csv")
    with pytest.raises(aff.InputError, match="segment"):
        aff.load(str(trained)).predict(str(image[0]))
    twins = [image[0], shutil.copy(image[0], tmp_path / "photo.PNG")]
    fails(["predict", *twins, trained, "--out", tmp_path / "out"], capsys, "photo.png")


def broken_mask(root):
    (root / "train" / "masks" / "001.png").write_bytes(encode_mask(np.zeros((9, 9), np.uint8)))


def unknown_label(root):
    (root / "val" / "masks" / "001.png").write_bytes(encode_mask(np.full((18, 21), 7, np.uint8)))


def no_masks(root):
    shutil.rmtree(root / "train" / "masks")


@pytest.mark.parametrize(
    "damage, part",
    [(broken_mask, "001.png: a mask of 9 x 9"), (unknown_label, "label 7"), (no_masks, "masks")],
)
def test_wrong_masks_end_in_one_line(masked, tmp_path, elsewhere, capsys, damage, part):
    root = shutil.copytree(masked, tmp_path / "data")
    damage(root)
    argv = ["train-seg", "--data-dir", root, *QUICK, "--num-epochs", 1]
    fails([*argv, "--save-dir", tmp_path / "run"], capsys, part)


def test_settings_of_images_classes_are_no_flags(masked, elsewhere, capsys):
    for flag in ("--mixup", "--label-smoothing", "--rand-aug", "--teacher", "--input-size"):
        fails(["train-seg", "--data-dir", masked, flag, "1"], capsys, flag)
    fails(["train-seg"], capsys, "--data-dir")
    fails(["train-seg", "--data-dir", masked, "--model", "resnet"], capsys, "fpn_resnet")
    fails(["train-seg", "--data-dir", masked, "--crop-size", "18"], capsys, "multiple of 4")
    fails(["train-seg", "--data-dir", masked, "--scale", "2", "1"], capsys, "--scale")
    assert not list(elsewhere.iterdir())


def test_the_summary_needs_no_data(capsys):
    assert exit_code(["train-seg", "--blocks", 1, "--summary"]) == 0
    assert "fpn_cifar_resnet8_askc" in capsys.readouterr().out


@pytest.mark.parametrize(
    "kind, file",
    [
        ("symbol", "run-symbol.json"),
        pytest.param("onnx", "run.onnx", marks=pytest.mark.slow),
        pytest.param("pytorch", "run.safetensors", marks=pytest.mark.slow),
    ],
)
def test_an_exported_network_finds_the_same(trained, masked, image, tmp_path, kind, file, capsys):
    """Also in images of another size than it is described with."""
    pytest.importorskip({"onnx": "onnxruntime", "pytorch": "torch"}.get(kind, "mxnet"))
    assert exit_code(["export", trained, "--to", kind, "--out", tmp_path]) == 0
    exported = str(tmp_path / file)
    ours, theirs = aff.load(str(trained)), aff.load(exported)
    assert theirs.class_names == ["ground", "water", "road"]
    np.testing.assert_array_equal(theirs.segment(str(image[0])), ours.segment(str(image[0])))
    if kind == "pytorch":
        fails(["evaluate", str(tmp_path / "run.py")], capsys, "name its weights", "run.safetensors")
    argv = ["evaluate", exported, "--data-dir", masked, "--json", tmp_path / "it.json"]
    assert exit_code(argv) == 0
    result = json.loads((trained / "result.json").read_text())
    assert json.loads((tmp_path / "it.json").read_text())["miou"] == result["val_miou"]


def test_a_classifier_becomes_the_backbone(masked, elsewhere, capsys):
    """Frozen, it stands still."""
    argv = ["train-seg", "--data-dir", masked, *QUICK[4:], "--num-epochs", 1, "--save-dir", "run"]
    assert exit_code([*argv, "--finetune", IAFF, "--freeze", "backbone"]) == 0
    said = capsys.readouterr().out
    assert "fpn_cifar_resnet8_askc, fusion AFF" in said
    kwargs = json.loads((elsewhere / "run" / "settings.json").read_text())["model"]["kwargs"]
    assert kwargs["backbone_fusion"] == "ResGlobLocaforGlobLocaCha"
    ours = mx.nd.load(str(elsewhere / "run" / "best.params"))
    theirs = mx.nd.load(f"{ROOT}/params/{IAFF}.params")
    origins = aff.get_model("fpn_cifar_resnet8_askc", classes=3).backbone.origins
    assert len(origins) > 30
    for name, origin in origins.items():
        found = ours[f"backbone.{name}"].asnumpy()
        np.testing.assert_array_equal(found, theirs[origin].asnumpy(), err_msg=name)


@pytest.mark.slow
def test_two_workers_do_what_two_devices_do(masked, elsewhere):
    """Every pixel is evaluated by one of them."""
    command = ["-m", "aff", "train-seg", "--data-dir", masked, *QUICK[2:], "--num-epochs", 2]
    command = [str(word) for word in [*command, "--batch-size", 2, "--optimizer", "nag"]]
    several = ["--kvstore", "dist_sync", "--save-dir", "workers"]
    launch = ["-m", "aff", "launch", "-n", "2", "-s", "1", "--", sys.executable]
    done = run_python(*launch, *command, *several, cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    done = run_python(*command, "--cpus", "2", "--save-dir", "devices", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    workers, devices = (
        json.loads((elsewhere / name / "result.json").read_text())
        for name in ("workers", "devices")
    )
    assert workers["val_images"] == devices["val_images"] == 3
    assert workers["last"]["train_loss"] == pytest.approx(devices["last"]["train_loss"], rel=1e-3)
    assert workers["val_miou"] == pytest.approx(devices["val_miou"], abs=0.02)
