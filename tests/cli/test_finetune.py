"""Training on a user's own images: from somebody's parameters, in small, without a test part."""

import json
import os
import shutil

import cv2
import mxnet as mx
import numpy as np
import pytest

from aff.data.images import imagenet_synset
from aff.models.parts import parameter_names
from aff.models.registry import build_network
from aff.utils.params_file import ArrayFile

from .conftest import exit_code, lines_of, train, train_imagenet

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
    assert train(f"{command} --finetune fashion_mnist_aff_resnet14 {more} fashion") == 0
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
        assert bool(same) == (name in frozen), name


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
        ("--finetune fashion_mnist_af_resnet14", "fashion_mnist_aff_resnet14"),
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


def test_small_images_need_a_folder_and_a_part_to_test_on(pictures, elsewhere, capsys):
    assert train(f"{SMALL} --save-dir run") == 2
    assert "--dataset folder needs --data-dir" in capsys.readouterr().err
    assert train(f"{SMALL} --data-dir {pictures}/flat --save-dir run") == 2
    assert "--val-split 0.1" in capsys.readouterr().err
    assert train("--dataset cifar10 --input-size 16 --save-dir run") == 2
    assert "--dataset folder" in capsys.readouterr().err
    assert not os.path.exists("run")


@pytest.mark.parametrize("style", ["imagenet", "fashion-mnist"])
def test_a_folder_without_parts_trains_on_what_is_not_held_out(pictures, elsewhere, capsys, style):
    command = f"{SMALL} --data-dir {pictures}/flat --val-split 0.3 --normalize-as {style}"
    assert train(f"{command} --num-epochs 2 --save-dir run") == 0
    output = capsys.readouterr().out
    assert "21 train, 9 val images" in lines_of(output, "data")[0]
    assert exit_code(["evaluate", "run"]) == 0
    again = errors_of(capsys.readouterr().out)
    best = next(line for line in output.splitlines() if line.startswith("best epoch"))
    assert again.split(",")[0] in best
    assert "9)" in again.replace("of 9 wrong)", "9)")
    assert exit_code(["evaluate", "run", "--data-dir", f"{pictures}/three"]) == 0
    assert "of 6 wrong" in capsys.readouterr().out
    assert exit_code(["predict", "run", f"{pictures}/flat/red/0.png", "--out", "found.csv"]) == 0


def test_another_part_held_out_is_another_run(pictures, elsewhere, capsys):
    common = f"{SMALL} --data-dir {pictures}/flat --num-epochs 1 --save-dir run"
    assert train(f"{common} --val-split 0.3") == 0
    capsys.readouterr()
    assert train(f"{common} --val-split 0.4 --resume auto --resume-changed") == 2
    assert "val_split 0.3 -> 0.4" in capsys.readouterr().err


IMAGENET = (
    "--model cifar_resnet8_askc --input-size 24 --num-gpus 0 --num-epochs 1 --batch-size 6 "
    "--lr 0.01 -j 0"
)


def test_the_imagenet_script_holds_out_a_part_of_any_folder(pictures, elsewhere, capsys):
    command = f"{IMAGENET} --data-dir {pictures}/flat --save-dir run"
    assert train_imagenet(command) == 2
    assert "--val-split 0.1" in capsys.readouterr().err
    assert train_imagenet(f"{command} --val-split 0.3") == 0
    output = capsys.readouterr().out
    assert "21 training images" in lines_of(output, "data")[0]
    kept = settings(elsewhere / "run")
    assert kept["class_names"] == ["blue", "green", "red"]
    assert kept["training"]["val_images"] == 9
    assert exit_code(["evaluate", "run"]) == 0
    again = capsys.readouterr().out
    assert "of 9 wrong" in again
    best = next(line for line in output.splitlines() if line.startswith("best epoch"))
    assert errors_of(again).split(",")[0].split(": ")[-1] in best


def test_held_out_images_choose_and_the_test_part_reports_where_there_is_one(
    pictures, elsewhere, capsys
):
    command = f"{IMAGENET} --data-dir {pictures}/three --val-split 0.34 --save-dir run"
    assert train_imagenet(command) == 0
    output = capsys.readouterr().out
    assert "test error" in output and "val error" in output
    assert exit_code(["evaluate", "run"]) == 0
    assert "of 6 wrong" in capsys.readouterr().out


def test_an_evaluation_goes_by_the_names_of_the_classes(pictures, origin, elsewhere, capsys):
    assert exit_code(["evaluate", origin, "--data-dir", f"{pictures}/two"]) == 0
    part = capsys.readouterr().out
    assert "of 4 wrong" in part
    assert exit_code(["predict", origin, f"{pictures}/two/val", "--out", "found.json"]) == 0
    found = json.loads((elsewhere / "found.json").read_text())
    capsys.readouterr()
    text = json.dumps(found)
    assert "green" in text and len(found) == 4


def test_records_are_held_out_of_too(records, elsewhere, capsys):
    train_records = records.split(" --rec-val")[0]
    command = f"{IMAGENET} --batch-size 3 {train_records} --val-split 0.34"
    assert train_imagenet(f"{command} --save-dir run") == 0
    capsys.readouterr()
    assert exit_code(["evaluate", "run"]) == 0
    assert "of 3 wrong" in capsys.readouterr().out


def test_a_cifar_style_network_trains_by_the_imagenet_script(pictures, elsewhere, capsys):
    command = f"{IMAGENET} --data-dir {pictures}/three --channel-times 2 --save-dir run"
    assert train_imagenet(command) == 0
    assert settings(elsewhere / "run")["model"]["kwargs"]["channel_times"] == 2
    assert exit_code(["evaluate", "run"]) == 0
    assert "centre 24" in capsys.readouterr().out
    tuned = IMAGENET.replace("--model cifar_resnet8_askc", "--finetune run --save-dir two")
    assert train_imagenet(f"{tuned} --data-dir {pictures}/two") == 0
    kept = settings(elsewhere / "two")["model"]
    assert kept["name"] == "cifar_resnet8_askc" and kept["kwargs"]["channel_times"] == 2


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


def test_naming_a_run_s_own_data_set_changes_nothing_of_its_images(origin, pictures, capsys):
    assert exit_code(["evaluate", origin]) == 0
    own = capsys.readouterr().out
    flags = ["--dataset", "folder", "--data-dir", f"{pictures}/three"]
    assert exit_code(["evaluate", origin, *flags]) == 0
    assert capsys.readouterr().out == own
    assert "16 pixels" in own


def test_wordnet_folders_without_some_classes_are_evaluated(pictures, elsewhere, capsys):
    for part in ("train", "val"):
        for name, number in (("blue", 5), ("green", 6), ("red", 7)):
            if (part, name) != ("val", "blue"):
                folder = elsewhere / "words" / part / imagenet_synset()[number]
                shutil.copytree(pictures / "three" / part / name, folder)
    assert train(f"{SMALL} --data-dir words --num-epochs 1 --save-dir run") == 0
    output = capsys.readouterr().out
    assert exit_code(["evaluate", "run"]) == 0
    again = errors_of(capsys.readouterr().out)
    assert "of 4 wrong" in again
    best = next(line for line in output.splitlines() if line.startswith("best epoch"))
    assert again.split(" (")[0].split(",")[0] in best


def test_a_folder_of_a_published_name_is_not_mistaken(origin, elsewhere, capsys):
    name = "fashion_mnist_aff_resnet14"
    shutil.copytree(origin, name)
    assert exit_code(["evaluate", name]) == 2
    assert f"./{name}" in capsys.readouterr().err
    assert exit_code(["evaluate", f"./{name}"]) == 0


@pytest.mark.parametrize("key, value", [("input_size", "many"), ("data_dir", ""), ("labels", 7)])
def test_settings_of_another_kind_are_refused_in_one_line(origin, elsewhere, capsys, key, value):
    shutil.copytree(origin, "run")
    kept = json.loads((elsewhere / "run" / "settings.json").read_text())
    kept["data"][key] = value
    (elsewhere / "run" / "settings.json").write_text(json.dumps(kept))
    assert exit_code(["evaluate", "run"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and key.replace("_", "-") in error


def test_pictures_of_images_whose_names_are_not_text(origin, pictures, elsewhere, capsys):
    name = os.fsdecode(b"\xff$.png")
    shutil.copy(pictures / "flat" / "red" / "0.png", name)
    assert exit_code(["cam", name, "--params", origin]) == 0
    assert (elsewhere / "cam.png").exists()
