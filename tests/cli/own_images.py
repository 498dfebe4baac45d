"""Images of one's own, small, and a run over them, for the tests of fine-tuning and of folders."""

import json

import cv2
import numpy as np
import pytest

from aff.utils.params_file import ArrayFile

COLOURS = {"blue": (200, 40, 40), "green": (40, 200, 40), "red": (40, 40, 200)}
SMALL = (
    "--dataset folder --model resnet --blocks 1 --channel-times 1 --input-size 16 --batch-size 6 "
    "--lr 0.05 --no-mixup --cpus 1 --seed 1 --save-period 0"
)
AGAIN = SMALL.replace("--model resnet --blocks 1 --channel-times 1 ", "")


def paint(folder, names, count, seed=0):
    """Write images of one colour each, and a little noise, into a folder for each class."""
    rng = np.random.default_rng(seed)
    for name in names:
        place = folder / name
        place.mkdir(parents=True)
        for index in range(count):
            pixels = np.array(COLOURS[name]) + rng.integers(-20, 20, (20 + index, 24, 3))
            cv2.imwrite(str(place / f"{index}.png"), pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """``train/`` and ``val/`` of three classes; ``two/`` of two of them; ``flat/`` of no parts."""
    root = tmp_path_factory.mktemp("pictures")
    for part, count in (("train", 6), ("val", 2)):
        paint(root / "three" / part, COLOURS, count, len(part))
        paint(root / "two" / part, ["green", "red"], count, len(part))
    paint(root / "flat", COLOURS, 10)
    return root


@pytest.fixture(scope="module")
def origin(pictures, tmp_path_factory):
    """The folder of a run of three classes."""
    from .conftest import train

    root = tmp_path_factory.mktemp("origin")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        command = f"{SMALL} --data-dir {pictures}/three --fusion iAFF --num-epochs 2 --save-dir run"
        assert train(command) == 0
    return root / "run"


def arrays(path):
    file = ArrayFile(str(path))
    return {name: file[name] for name in file.shapes}


def settings(folder):
    return json.loads((folder / "settings.json").read_text())


def errors_of(output):
    """The errors that an evaluation printed."""
    return output.splitlines()[0].split(": ", 1)[1]
