"""Names of classes are part of a run: of its settings, of what is exported of it, of pictures."""

import shutil

import pytest

from aff.data.classes import names_of_classes
from aff.data.datasets import DATASETS
from aff.data.datasets.class_names import in_words
from aff.data.image_parts import draw
from aff.data.images import FolderImages, RecordImages, imagenet_synset
from aff.utils.json_file import read_json

from ..conftest import ROOT
from .conftest import QUICK_IMAGENET, exit_code, train, train_imagenet

NAMED = {name: record for name, record in DATASETS.items() if not record.is_open}


@pytest.mark.parametrize("record", NAMED.values(), ids=list(NAMED))
def test_every_data_set_names_its_classes(record):
    for label_set in record.label_sets or (None,):
        names = record.class_names(label_set, record.classes)
        known = [name for name in names if name != "(unused)"]
        assert len(names) == record.classes
        if record.name != "imagenet":  # where two are cranes and two maillots
            assert len(set(known)) == len(known)
    assert record.class_names(None, 7) is None


def test_names_are_in_the_order_of_the_labels():
    """Spots that other sources give too."""
    for name, label_set, label, word in (
        ("cifar10", None, 3, "cat"),
        ("cifar100", "fine", 99, "worm"),
        ("cifar100", "coarse", 14, "people"),
        ("fashion-mnist", None, 9, "ankle boot"),
        ("digits", None, 7, "7"),
        ("imagenet", None, 207, "golden retriever"),
    ):
        record = DATASETS[name]
        assert record.class_names(label_set, record.classes)[label] == word


def test_wordnet_numbers_are_put_into_words():
    assert in_words(imagenet_synset()[:2]) == ["tench", "goldfish"]
    assert in_words(["n00000000", "n01440764"]) == ["n00000000", "tench"]
    assert in_words(["n01440764", "cat"]) == ["n01440764", "cat"]


def test_records_have_the_names_of_their_own_manifest_alone(folders, elsewhere, capsys):
    data = folders.split()[1]
    assert exit_code(["prepare", data, "packed"]) == 0
    packed = RecordImages("packed/train.rec")
    names = FolderImages(data, "train").classes
    assert names_of_classes(packed, len(names)) == in_words(names)
    assert names_of_classes(draw(packed, 0.5, 0), len(names)) == in_words(names)
    shutil.copyfile("packed/train.rec", "packed/birds.rec")
    assert names_of_classes(RecordImages("packed/birds.rec"), len(names)) is None
    for text in ("[]", '{"train": {"size": 3}}'):  # another program's
        (elsewhere / "packed" / "manifest.json").write_text(text)
        assert names_of_classes(packed, len(names)) is None


def test_a_run_in_memory_keeps_them(elsewhere, capsys):
    flags = "--dataset digits --blocks 1 --channel-times 1 --cpus 1 --num-epochs 1"
    assert train(f"{flags} --save-dir run") == 0
    assert read_json("run/settings.json")["class_names"] == list("0123456789")
    capsys.readouterr()
    assert exit_code(["cam", "--params", "run/best.params", "--index", 3]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    number = line.split("class ")[1].split()[0]
    assert f"class {number} ({number}), " in line


def test_a_run_on_folders_and_what_is_exported_of_it(folders, photos, elsewhere):
    flags = f"{QUICK_IMAGENET} {photos} {folders} --num-epochs 1"
    assert train_imagenet(f"{flags} --save-dir run") == 0
    words = in_words(imagenet_synset()[5:7])
    assert read_json("run/settings.json")["class_names"] == words
    argv = ["export", "--params", "run/best.params", "--to", "onnx", "--no-check"]
    assert exit_code(argv) == 0
    assert read_json("exports/export.json")["files"]["run.onnx"]["class_names"] == words
    settings = (elsewhere / "run" / "settings.json").read_text().replace(words[0], "a name")
    (elsewhere / "run" / "settings.json").write_text(settings.replace(f'"{words[1]}"', '"b", "c"'))
    assert exit_code(argv) == 2  # three names for two classes


def test_records_have_the_names_of_their_manifest(data, elsewhere):
    assert exit_code(["prepare", data, "packed"]) == 0
    names = names_of_classes(FolderImages(str(data), "train"), 2)
    assert names == in_words(imagenet_synset()[5:7])
    assert names_of_classes(RecordImages("packed/train.rec"), 2) == names
    assert names_of_classes(RecordImages(str(data / "train.rec")), 2) is None


@pytest.mark.parametrize(
    "argv",
    [
        "train-cifar --dataset cifar10 --smoke --cpus 1",
        "train-cifar --dataset fashion-mnist --summary",
        "browse cifar10",
        "evaluate fashion_mnist_iaff_resnet8",
        f"evaluate --params {ROOT}/params/fashion_mnist_iaff_resnet8.params",
        "evaluate cifar10_aff_resnet32",
        "export fashion_mnist_aff_resnet8 --to symbol",
    ],
)
def test_labels_of_another_data_set(argv, elsewhere, capsys):
    assert exit_code([*argv.split(), "--labels", "coarse"]) == 2
    said = capsys.readouterr().err
    assert "--labels is for cifar100" in said and said.count("\n") == 1
    assert list(elsewhere.iterdir()) == []
