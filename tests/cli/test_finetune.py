"""Fine-tuning by the training scripts: from somebody's parameters, with parts that stand still."""

import os
import shutil

import mxnet as mx
import numpy as np
import pytest

from aff.models.parts import parameter_names
from aff.models.registry import build_network

from ..conftest import has_no_gradient
from .conftest import lines_of, train
from .own_images import AGAIN, arrays, settings


def test_a_run_starts_from_another_network_and_keeps_the_outputs_of_its_classes(
    pictures, origin, elsewhere, capsys
):
    command = f"{AGAIN} --data-dir {pictures}/two --finetune {origin} --num-epochs 1 --lr 1e-30"
    assert train(f"{command} --save-dir two") == 0
    output = capsys.readouterr().out
    found, theirs = arrays("two/best.params"), arrays(origin / "best.params")
    assert "iAFF" in output or "ResGlobLocaforGlobLocaCha" in output
    assert any("2 of its 2" in line or "2 classes" in line for line in lines_of(output, "finetune"))
    weights = found["output.weight"]
    np.testing.assert_allclose(weights, theirs["output.weight"][1:], rtol=1e-6)  # green, red
    moved = {name for name in found if name.endswith(("running_mean", "running_var"))}
    for name in set(found) - moved - {"output.weight", "output.bias"}:
        np.testing.assert_allclose(found[name], theirs[name], rtol=1e-6, err_msg=name)
    assert settings(elsewhere / "two")["class_names"] == ["green", "red"]
    assert settings(elsewhere / "two")["model"]["kwargs"]["classes"] == 2


def test_what_images_are_is_taken_over_and_a_file_of_nothing_known_needs_its_network(
    pictures, origin, elsewhere, capsys
):
    command = f"--dataset folder --data-dir {pictures}/two --no-mixup --cpus 1 --batch-size 6"
    more = "--num-epochs 1 --lr 0.01 --save-dir"
    assert train(f"{command} --finetune fashion_mnist_aff_resnet8 {more} fashion") == 0
    kept = settings(elsewhere / "fashion")["data"]
    assert (kept["input_size"], kept["normalize_as"]) == (28, "fashion-mnist")
    assert train(f"{command} --finetune {origin} {more} own") == 0
    kept = settings(elsewhere / "own")["data"]
    assert (kept["input_size"], kept["normalize_as"]) == (16, None)
    shutil.copy(origin / "best.params", "plain.params")
    capsys.readouterr()
    assert train(f"{command} --finetune plain.params {more} plain") == 2
    assert "--finetune plain.params: nothing says which network" in capsys.readouterr().err
    network = "--model resnet --blocks 1 --channel-times 1 --fusion Add --input-size 16"
    assert train(f"{command} --finetune plain.params {network} {more} plain") == 0
    said = " ".join(lines_of(capsys.readouterr().out, "finetune"))
    assert "of the file not used" in said and "attention" in said


@pytest.mark.parametrize("cpus", [1, 2])
def test_frozen_parts_stand_still_and_a_stopped_run_goes_on_exactly(
    pictures, origin, elsewhere, capsys, cpus
):
    common = (
        f"{AGAIN} --data-dir {pictures}/two --finetune {origin} --freeze stem,stage1 --no-wd "
        f"--head-lr-mult 5 --batch-size {6 // cpus} --cpus {cpus} --cosine --num-epochs 3"
    )
    assert train(f"{common} --save-dir whole") == 0
    assert "stem, stage1: " in lines_of(capsys.readouterr().out, "frozen")[0]
    checkpoints = sorted(name for name in os.listdir("whole") if name.startswith("checkpoint"))
    assert checkpoints == ["checkpoint-0002", "checkpoint-0003"]
    whole = arrays("whole/checkpoint-0003/net.params")
    shutil.rmtree("whole/checkpoint-0003")
    assert train(f"{common} --save-dir whole --resume auto") == 0
    assert "after epoch 1" in lines_of(capsys.readouterr().out, "resume")[0]
    parted = arrays("whole/checkpoint-0003/net.params")
    assert all((whole[name] == parted[name]).all() for name in whole)
    theirs = arrays(origin / "best.params")
    described = settings(elsewhere / "whole")["model"]
    net = build_network(described["name"], ctx=mx.cpu(), **described["kwargs"])
    frozen = {name for part in ("stem", "stage1") for name in parameter_names(net)[part]}
    for name, value in whole.items():
        same = value.shape == theirs[name].shape and (value == theirs[name]).all()
        assert bool(same) == (name in frozen or has_no_gradient(name)), name


def test_freezing_is_part_of_what_a_resumed_run_has_to_keep(pictures, origin, elsewhere, capsys):
    common = f"{AGAIN} --data-dir {pictures}/two --finetune {origin} --save-dir run"
    assert train(f"{common} --num-epochs 1") == 0
    capsys.readouterr()
    assert train(f"{common} --num-epochs 1 --resume auto --freeze stem") == 2
    assert "freeze" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more, named",
    [
        ("--freeze stem", "--freeze needs --finetune"),
        ("--finetune {origin} --freeze stage4", "stage4"),
        ("--finetune {origin} --resume-params {origin}/best.params", "--resume-params"),
        ("--finetune nowhere/net.params", "nowhere/net.params: no such file"),
        ("--finetune fashion_mnist_af_resnet8", "fashion_mnist_aff_resnet8"),
        ("--finetune {pictures}", "no run's folder"),
        ("--finetune {origin} --model resnet50_v1b_askc", "resnet50_v1b_askc"),
        ("--normalize-as flowers", "flowers"),
    ],
)
def test_mistakes(pictures, origin, elsewhere, capsys, more, named):
    more = more.format(pictures=pictures, origin=origin)
    code = 0
    try:
        code = train(f"{AGAIN} --data-dir {pictures}/two {more} --num-epochs 1 --save-dir run")
    except SystemExit as finished:
        code = finished.code
    assert code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "train_cifar.py: error" in error and named in error
    assert not os.path.exists("run")


def test_a_run_goes_on_when_what_it_started_from_is_gone(pictures, origin, elsewhere, capsys):
    shutil.copytree(origin, "first")
    common = f"{AGAIN} --data-dir {pictures}/two --finetune first --num-epochs 2 --save-dir run"
    assert train(common) == 0
    whole = arrays("run/checkpoint-0002/net.params")
    shutil.rmtree("run/checkpoint-0002")
    shutil.rmtree("first")
    assert train(f"{common} --resume auto") == 0
    again = arrays("run/checkpoint-0002/net.params")
    assert all((whole[name] == again[name]).all() for name in whole)
