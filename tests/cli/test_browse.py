"""``aff browse``: what names the images, the sheet, and mistakes."""

import json

import numpy as np
import pytest
from PIL import Image

from aff.cli import browse
from aff.cli.common.image_flags import FIELDS, config_of_images
from aff.cli.main import build_parser
from aff.data.mask_file import IGNORED
from aff.data.mask_folders import mask_parts
from aff.data.mask_loader import MaskTrainLoader
from aff.data.transforms import MEAN, STD
from aff.training.config import TrainConfig
from aff.utils.errors import InputError
from aff.viz.montage import CELL
from aff.viz.overlay import overlay

from ..data.masked import write_masked
from .conftest import config_of, exit_code

RECIPE = "--cutmix-alpha 1 --rand-aug 2 9 --random-erasing 0.5 --seed 4"
FILES = "--input-size 32 --batch-size 4"


def config(*argv):
    """The configuration that the command makes of its arguments."""
    given = vars(build_parser("browse").parse_args([*map(str, argv)]))
    own = ("out", "images", "epochs", "imports")
    return config_of_images(given.pop("data"), {k: v for k, v in given.items() if k not in own})


def test_a_sheet_of_small_images(elsewhere, capsys):
    assert exit_code(["browse", "digits", *RECIPE.split(), "--images", 3, "--epochs", 2, 7]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "wrote browse.png: 3 images"
    for part in ("1438 train", "2 operations", "erasing", "cutmix"):
        assert part in said
    sheet = Image.open("browse.png")
    assert sheet.width / sheet.height == pytest.approx(
        CELL[0] / CELL[1], abs=0.01
    )  # three by three
    assert len(np.unique(np.asarray(sheet.convert("L")))) > 100


def test_a_sheet_of_image_files(elsewhere, data, capsys):
    for source in (
        [data],
        ["--data-dir", data],
        [data / "train.rec", "--rec-val", data / "val.rec"],
    ):
        assert exit_code(["browse", *source, *FILES.split(), "--images", 1, "--out", "it.png"]) == 0
        assert "9 training images" in capsys.readouterr().out
    assert Image.open("it.png").width > 1000  # an image and five epochs
    code = exit_code(["browse", data, "--dataset", "folder", "--batch-size", 4, "--images", 2])
    assert (code, "normalised as imagenet" in capsys.readouterr().out) == (0, True)


def test_a_sheet_of_images_with_masks(elsewhere, monkeypatch, capsys):
    """The masks are laid over what the network is trained on, as the loader gives both."""
    drawn = []
    monkeypatch.setattr(browse, "draw_montage", lambda tiles, *_: drawn.extend(tiles))
    write_masked(elsewhere / "set" / "train", 12)
    write_masked(elsewhere / "set" / "val", 1)
    (elsewhere / "set" / "classes.txt").write_text("ground\nwater\nroad\n")
    flags = ["set", "--crop-size", 16, "--scale", 0.5, 2, "--batch-size", 4, "--seed", 3]
    assert exit_code(["browse", *flags, "--images", 2, "--epochs", 1]) == 0
    assert "images with masks: 12 train" in capsys.readouterr().out
    plain, original, augmented = drawn[3:]
    parts = mask_parts("set")["train"]
    loader = MaskTrainLoader(parts, 4, 3, 16, (0.5, 2))
    index = loader.order(1)[1]
    pixels, labels = parts.read(index)
    np.testing.assert_array_equal(plain.pixels, pixels)
    np.testing.assert_array_equal(original.pixels, overlay(pixels, labels))
    data, seen = (part[1] for part in next(loader.epoch(1)))
    shown = np.rint(data.transpose(1, 2, 0) * STD + MEAN).astype(np.uint8)
    np.testing.assert_allclose(augmented.pixels, overlay(shown, seen), atol=1)
    names = ["ground", "water", "road"]
    most = np.argsort(-np.bincount(seen[seen != IGNORED], minlength=3))
    assert augmented.captions == [names[label] for label in most if label in seen]
    told = {0: None, 1: "water", 2: "road", IGNORED: "not counted"}
    assert list(augmented.colours) == [told[label] for label in np.unique(seen) if label]
    for label, colour in {"water": (128, 0, 0), "road": (0, 128, 0)}.items():  # Pascal VOC's
        np.testing.assert_array_equal(original.colours[label], colour)
    assert not plain.colours


def test_settings_are_those_of_the_scripts(data):
    """Of each flag that the command takes, by both kinds of data sets."""
    assert config("digits") == config_of("cifar", ["--dataset", "digits"])
    assert config(data) == config_of("imagenet", ["--data-dir", data])
    flags = RECIPE.split()
    assert config("digits", *flags) == config_of("cifar", ["--dataset", "digits", *flags])
    assert config(data, "--mixup", *flags) == config_of(
        "imagenet", ["--data-dir", data, "--mixup", *flags]
    )
    assert not config("--dataset", "digits", "--no-mixup", "--no-mirror").mirror
    taken = {action.dest for action in build_parser("browse")._actions}
    assert {*FIELDS, "dataset", "config"} <= taken


def test_a_run_names_its_images(elsewhere):
    chosen = TrainConfig.from_args(
        {"dataset": "digits", "num_epochs": 2, "batch_size": 32, "seed": 5, "rand_aug": [1, 3]},
        "cifar",
    )
    (elsewhere / "run").mkdir()
    (elsewhere / "run" / "settings.json").write_text(json.dumps({"training": chosen.as_dict()}))
    for named in (["run"], ["run/settings.json"], ["--config", "run/settings.json"]):
        assert config(*named) == chosen
    assert config("run", "--seed", 6).seed == 6
    recorded = {
        "training": {**chosen.as_dict(), "data_dir": "here"},
        "data": {"data_dir": "/there"},
    }
    (elsewhere / "other").mkdir()
    (elsewhere / "other" / "settings.json").write_text(json.dumps(recorded))
    assert config("other").data_dir == "/there"  # from wherever it was started
    assert config("other", "--data-dir", "own").data_dir == "own"
    assert exit_code(["browse", "run", "--images", 1]) == 0
    assert browse.epochs_of(chosen, None) == [0, 1]  # it has no more


@pytest.mark.parametrize(
    ("flags", "count"),
    [
        (["digits"], 1),
        (["digits", "--gpus", "0,2,3"], 3),
        (["digits", "--cpus", "4"], 4),
        (["imagenet", "--num-gpus", "2"], 2),
        (["imagenet", "--gpus", ""], 1),
    ],
)
def test_batches_are_shared_as_on_the_runs_devices(flags, count):
    """Whether or not they are here."""
    assert browse.count_devices(config(*flags)) == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a data set, a folder of images"),
        (["digit"], "unknown data set 'digit': did you mean 'digits'"),
        (["./nowhere"], "./nowhere: no such folder"),
        (["nowhere.json"], "nowhere.json: cannot be read: no such file"),
        (["nowhere.rec"], "nowhere.rec: no such file"),
        (["digits", "--dataset", "digits"], "digits and --dataset digits: name one"),
        (["digits", "--use-rec"], "--use-rec is for image files, not for small images"),
        (["masks"], "masks"),
        (["digits", "--crop-size", "32"], "--crop-size is for images with masks, not for small"),
        (["imagenet", "--no-mirror"], "--no-mirror"),
        (["digits", "--epochs", "400"], "--epochs 400: the last epoch of the run is 399"),
        (["digits", "--epochs", *map(str, range(17))], "--epochs takes at most 16"),
        (["digits", "--batch-size", "2000"], "lower --batch-size"),
        (["digits", "--auto-aug"], "--auto-aug"),
        (["digits", "--out", "it.jpg"], "--out it.jpg"),
        (["digits", "--images", "65"], "--images"),
        (["digits", "--lr", "0.1"], "--lr"),
    ],
)
def test_mistakes(arguments, message, elsewhere, capsys):
    assert exit_code(["browse", *arguments]) == 2
    said = capsys.readouterr().err
    assert (said.count("\n"), message in said) == (1, True), said
    assert list(elsewhere.iterdir()) == []


def test_a_folder_without_images_is_named(elsewhere):
    (elsewhere / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        browse.run("empty", "it.png", 1, None)
    (elsewhere / "digits").mkdir()
    with pytest.raises(InputError, match="digits: is a data set's name, and a folder here: name "):
        browse.run("digits", "it.png", 1, None)
    with pytest.raises(InputError, match="./digits: holds no train/"):
        browse.run("./digits", "it.png", 1, None)
