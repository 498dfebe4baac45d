"""Today's recipe over two workers on loopback, a half of each batch each, and in one process with
two devices: the same network, the same figures, written once.
"""

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest

from aff.utils.params_file import ArrayFile

from ..conftest import ROOT, python_environment
from ..training.event_reading import read_back, without_speed
from .conftest import QUICK_IMAGENET
from .photos import MODULE

#: An epsilon that large keeps adamw from taking steps of full length along gradients that are
#: nothing but rounding.
RECIPE = (
    "--import photos --model photo_resnet8 --batch-size 2 --num-epochs 5 --early-stop 3 --seed 3 "
    "--mixup --mixup-off-epoch 1 --cutmix-alpha 1 --rand-aug 2 9 --random-erasing 0.5 "
    "--label-smoothing 0.2 --optimizer adamw --epsilon 0.01 --clip-grad 0.2 --model-ema 0.8 "
    "--log-interval 1 --tensorboard --save-dir run"
)


def trained(folder, records, flags, workers=1):
    """Train by the recipe in a folder, by so many workers or with two devices; what was said."""
    folder.mkdir()
    (folder / "photos.py").write_text(MODULE)
    script = [sys.executable, f"{ROOT}/train_imagenet.py", *QUICK_IMAGENET.split()]
    launcher = [sys.executable, "-m", "aff", "launch", "-n", str(workers), "-s", "1", "--"]
    ways = {1: [*script, "--cpus", "2"], 2: [*launcher, *script, "--kvstore", "dist_sync"]}
    done = subprocess.run(
        [*ways[workers], *shlex.split(f"{records} {RECIPE} {flags}")],
        cwd=folder,
        env={**python_environment(), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def figures(folder):
    """What each epoch's line of the log has but for the machine's speed."""
    lines = (folder / "logs" / "run" / "train.jsonl").read_text().splitlines()
    told = [event for event in map(json.loads, lines) if event["event"] == "epoch"]
    for event in told:
        for key in ("time", "seconds", "images_per_sec"):
            del event[key]
    return told


def assert_same_network(ours, theirs, statistics):
    for name in ("best.params", "best-ema.params"):
        found, expected = ArrayFile(str(ours / "run" / name)), ArrayFile(str(theirs / "run" / name))
        assert {*found.shapes} == {*expected.shapes}
        for array in expected.shapes:
            if statistics or "running" not in array:
                np.testing.assert_allclose(
                    found[array], expected[array], rtol=5e-3, atol=2e-4, err_msg=f"{name} {array}"
                )


@pytest.mark.slow
@pytest.mark.numeric
@pytest.mark.parametrize("accumulated, bound", [(1, 1e-3), (2, 2e-2)])
def test_two_workers_follow_the_recipe_as_two_devices_do(records, tmp_path, accumulated, bound):
    """Where batches are accumulated, gradients are added in another order, which BatchNorms of two
    images magnify; and a device's running statistics see the batches in another order, so that
    those, and what is evaluated by them, are told apart.
    """
    one, two = tmp_path / "one", tmp_path / "two"
    trained(one, records, f"--grad-accum-steps {accumulated}")
    said = trained(two, records, f"--grad-accum-steps {accumulated}", workers=2)
    expected, found = figures(one), figures(two)
    assert len(found) == len(expected) > 3
    for theirs, ours in zip(expected, found):
        for name in ("epoch", "lr", "train_loss", "train_value", "grad_norm", "clipped"):
            assert ours[name] == pytest.approx(theirs[name], rel=bound), name
        for name in ("top1_error", "ema_top1_error", "ema_top5_error"):
            assert accumulated > 1 or ours[name] == theirs[name]
    assert any(event["clipped"] for event in expected)
    assert_same_network(two, one, statistics=accumulated == 1)
    for part in ("mixup ", "randaug   2", "erasing ", "cutmix ", "average ", "optimizer adamw"):
        assert said.count(f"\n{part}") == 1  # the main process alone speaks
    assert_shown_once(two, one, bound)


def assert_shown_once(ours, theirs, bound):
    """TensorBoard shows the same points; a step's loss is of the main process's share."""
    found, expected = (
        without_speed(read_back(folder / "logs" / "run" / "tensorboard").scalars)
        for folder in (ours, theirs)
    )
    assert {*found} == {*expected}
    for tag in ("step/lr", "step/grad_norm", "epoch/train_loss"):
        np.testing.assert_allclose(found[tag], expected[tag], rtol=bound, err_msg=tag)
    assert found["step/images_per_sec"] == expected["step/images_per_sec"]
    assert [step for step, _ in found["step/loss"]] == [step for step, _ in expected["step/loss"]]
