"""What ``train_imagenet.py`` refuses, before anything is created."""

import os
import shutil

import mxnet as mx
import pytest

from aff.training.sources import open_source

from .conftest import QUICK_IMAGENET as QUICK
from .conftest import config_of
from .conftest import train_imagenet as train


@pytest.mark.parametrize(
    "flags, message",
    [
        ("--model cifar_resnet33_askc", "must be 6b+2"),
        ("--model resnet18_v1b_askc", "must be one of 50, 101, 152"),
        ("--num-layers 34", "must be one of 50, 101, 152"),
        ("--use-se", "--use-se is not for --model resnet50_v1b_askc"),
        ("--fusion AFG", "did you mean 'AFF'"),
        ("--rec-train x.rec", "--rec-train needs --use-rec"),
        ("--use-rec --rec-val-idx x", "--rec-val-idx needs --rec-val"),
        ("--use-rec --data-dir x", "give one"),
        ("--use-rec", "rec/train.rec: no such file: make it with 'aff prepare', name the train"),
        ("--use-rec", "records with --rec-train"),
        ("--data-dir nowhere", "nowhere: no such folder: name one of images with --data-dir"),
        ("--eval-only", "--eval-only needs --params"),
        ("--logging-file none/x.log", "none is no folder to write to"),
        ("--logging-file .", "is a folder"),
        ("--params x", "--params needs --eval-only"),
        ("--params x --eval-only --smoke", "--eval-only and --smoke are two things"),
        ("--params x --eval-only --summary", "--eval-only and --summary are two things"),
        ("--teacher-params x", "--teacher-params needs --teacher"),
        ("--teacher aff_resnet51", "neither ours nor GluonCV's"),
        ("--teacher resnet50_v1b_askc", "needs --teacher-params FILE"),
        ("--warmup-epochs 999", "--warmup-epochs 999 is more than --num-epochs 180"),
    ],
)
def test_mistakes_are_said_in_one_line(flags, message, data, capsys, elsewhere, monkeypatch):
    monkeypatch.setenv("HOME", str(elsewhere))
    source = "" if "--use-rec" in flags or "--data-dir" in flags else f"--data-dir {data}"
    if "needs --use-rec" in message:
        source = ""
    assert train(f"{QUICK} {source} {flags}") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(elsewhere.iterdir()) == []


def test_a_batch_larger_than_the_data(folders, capsys, elsewhere):
    assert train(f"{QUICK} {folders} --batch-size 10") == 2
    assert "a batch of 10 (over all devices) is more than the 9 training images" in (
        capsys.readouterr().err
    )


def copy_of(data, place):
    shutil.copytree(data / "train", place / "train")
    shutil.copytree(data / "val", place / "val")
    return place


def test_validation_classes_are_numbered_as_the_training_ones(data, tmp_path, capsys, elsewhere):
    """A class without validation images does not move the labels of the others."""
    place = copy_of(data, tmp_path / "part")
    first, second = sorted(path.name for path in (place / "val").iterdir())
    shutil.rmtree(place / "val" / first)
    source = open_source(config_of("imagenet", ["--data-dir", place]))
    assert set(source.parts["val"].labels()) == {1}
    (place / "val" / second).rename(place / "val" / "other")
    assert train(f"{QUICK} --data-dir {place}") == 2
    assert "holds classes that the training images do not: other" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_training_images_are_never_validated_on(data, capsys, elsewhere):
    assert train(f"{QUICK} --data-dir {data}/train") == 2
    assert "holds no train/" in capsys.readouterr().err


@pytest.mark.parametrize("label, message", [(5.0, "record 0: label 5 is not in 0..1")])
def test_validation_labels_are_checked_before_training(
    data, label, message, tmp_path, capsys, elsewhere
):
    writer = mx.recordio.MXRecordIO(str(tmp_path / "bad.rec"), "w")
    writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, label, 0, 0), b"image"))
    writer.close()
    source = f"--use-rec --rec-train {data}/train.rec --rec-val {tmp_path}/bad.rec"
    assert train(f"{QUICK} {source}") == 2
    assert message in capsys.readouterr().err
    source = f"--use-rec --rec-train {tmp_path}/bad.rec --rec-val {data}/val.rec"
    assert train(f"{QUICK} {source}") == 2
    assert "holds a label 5, and only 1 images" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_no_matter_without_a_log(monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    assert train("--summary") == 0
