"""Folders of one's own images: parts, small networks, classes by their names."""

import csv
import json
import os
import shutil

import cv2
import numpy as np
import pytest

from aff.data.images import imagenet_synset

from .conftest import exit_code, lines_of, train, train_imagenet
from .own_images import SMALL, errors_of, paint, settings


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
    name = "fashion_mnist_aff_resnet8"
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
    assert error.count("\n") == 1 and f"run/settings.json: {key}" in error


def test_pictures_of_images_whose_names_are_not_text(origin, pictures, elsewhere, capsys):
    name = os.fsdecode(b"\xff$.png")
    shutil.copy(pictures / "flat" / "red" / "0.png", name)
    assert exit_code(["cam", name, "--params", origin]) == 0
    assert (elsewhere / "cam.png").exists()


def test_what_is_transparent_is_on_white_in_training_as_in_predictions(elsewhere, capsys):
    """Black shapes on nothing: without white behind them, every image would be black."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        for name in ("disc", "square"):
            (elsewhere / "icons" / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.zeros((16, 16, 4), np.uint8)
                centre, size = rng.integers(6, 10, 2), int(rng.integers(3, 6))
                if name == "disc":
                    cv2.circle(pixels, tuple(map(int, centre)), size, (0, 0, 0, 255), -1)
                else:
                    pixels[2 : 2 + size, :, 3] = 255
                cv2.imwrite(str(elsewhere / "icons" / part / name / f"{index}.png"), pixels)
    command = f"{SMALL} --data-dir icons --num-epochs 3 --no-mirror --save-dir run"
    assert train(command) == 0
    capsys.readouterr()
    assert exit_code(["evaluate", "run", "--predictions", "rows.csv"]) == 0
    assert exit_code(["predict", "icons/val", "run", "--topk", "1", "--out", "found.json"]) == 0
    found = json.loads((elsewhere / "found.json").read_text())
    with open("rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["top1_class"] for row in rows] == [
        image["predictions"][0]["name"] for image in found
    ]
    assert len({round(image["predictions"][0]["probability"], 6) for image in found}) > 1


def test_a_folder_of_other_classes_is_refused(origin, pictures, elsewhere, capsys):
    paint(elsewhere / "others" / "val", ["red"], 2)
    (elsewhere / "others" / "val" / "red").rename(elsewhere / "others" / "val" / "violet")
    assert exit_code(["evaluate", origin, "--data-dir", "others"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "violet" in error and "blue" in error


def test_other_formats_train_too(pictures, elsewhere, capsys):
    shutil.copytree(pictures / "two", "two")
    for file in (elsewhere / "two" / "train" / "red").iterdir():
        cv2.imwrite(str(file.with_suffix(".webp")), cv2.imread(str(file)))
        file.unlink()
    assert train(f"{SMALL} --data-dir two --num-epochs 1 --save-dir run") == 0
    data = lines_of(capsys.readouterr().out, "data")[0]
    assert "12 train" in data and "16 pixels" in data and "normalised as imagenet" in data


def test_a_class_without_validation_images_is_said(pictures, elsewhere, capsys):
    shutil.copytree(pictures / "two", "two")
    shutil.rmtree("two/val/red")
    assert train(f"{SMALL} --data-dir two --num-epochs 1 --save-dir run") == 0
    assert "1 of the 2 classes have no test image" in lines_of(capsys.readouterr().out, "note")


def test_a_summary_has_the_classes_of_the_folder(pictures, elsewhere, capsys):
    assert train(f"{SMALL} --data-dir {pictures}/two --summary") == 0
    assert "classes 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv, named",
    [
        (["predict", "x.png", "fashion_mnist_af_resnet8"], "fashion_mnist_aff_resnet8"),
        (["predict", "x.png", "params/nosuch"], "params/nosuch"),
        (["predict", "x.png", "--monatge", "y.png"], "--montage"),
        (["plot", "{origin}"], "logs"),
    ],
)
def test_what_was_meant_is_said(origin, pictures, elsewhere, capsys, argv, named):
    shutil.copy(pictures / "flat" / "red" / "0.png", "x.png")
    assert exit_code([word.format(origin=origin) for word in argv]) == 2
    assert named in capsys.readouterr().err


def test_ctrl_c_while_mxnet_is_imported_is_no_traceback(monkeypatch, capsys):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr("aff.compat.import_mxnet", stop)
    assert exit_code(["predict", "x"]) == 130
    assert capsys.readouterr().err == "aff predict: error: interrupted\n"
