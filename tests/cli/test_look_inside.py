"""``aff evaluate --per-class --confusion --predictions --json``: what they say is the evaluation's,
and names that will not do are refused before it.
"""

import csv
import json
import os
import re
import shutil

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

import aff
from aff.cli.common import evaluating
from aff.data.datasets import load_dataset
from aff.data.datasets.fashion_mnist import DEBIAN_FOLDER
from aff.models.parameters import save_parameters
from aff.models.records import WEIGHTS
from aff.utils.json_file import read_json

from ..conftest import ROOT, write_cifar
from .conftest import QUICK_IMAGENET, exit_code, train_imagenet

ALL = ["--per-class", "--confusion", "c.csv", "--predictions", "p.csv", "--json", "j.json"]
DEEP = "--model resnet50_v1b_askc --input-size 32"


@pytest.fixture
def run(elsewhere):
    """Parameters of an untrained network for CIFAR-100, and flags that evaluate them on 60
    images.
    """
    write_cifar(elsewhere / "data", "cifar100", train=4, test=60)
    mx.random.seed(0)
    save_parameters(aff.get_model("cifar_resnet8_askc", ctx=mx.cpu()), "net.params")
    network = "--params net.params --model resnet --blocks 1 --channel-times 1"
    return f"evaluate {network} --dataset cifar100 --data-dir data".split()


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def wrong_in(out):
    """How many images the command's first line says are wrong, and of how many."""
    return tuple(map(int, re.search(r"(\d+) of (\d+) wrong", out).groups()))


def test_files_and_text_say_what_the_error_says(run, capsys):
    assert exit_code([*run, *ALL]) == 0
    out = capsys.readouterr().out
    wrong, samples = wrong_in(out)
    names = read_json(f"{ROOT}/aff/data/datasets/class_names.json")["cifar100, fine"]

    head, *rows = rows_of("c.csv")
    counts = np.array([row[1:] for row in rows], int)
    assert head[1:] == [row[0] for row in rows] == names
    assert counts.sum() == samples == 60
    assert counts.sum() - np.trace(counts) == wrong

    labels = load_dataset("cifar100", "data").test.labels
    with open("p.csv", encoding="utf-8", newline="") as file:
        predictions = list(csv.DictReader(file))
    assert [int(row["label"]) for row in predictions] == labels.tolist()
    assert [row["index"] for row in predictions] == [row["name"] for row in predictions]
    assert sum(row["rank"] != "1" for row in predictions) == wrong
    again = np.zeros((100, 100), int)
    for row in predictions:
        again[int(row["label"]), int(row["top1"])] += 1
        assert row["class"] == names[int(row["label"])]
        assert row["top3_class"] == names[int(row["top3"])]
        top = [float(row[f"top{place}_probability"]) for place in range(1, 6)]
        assert top == sorted(top, reverse=True) and 0 < sum(top) <= 1
        if int(row["rank"]) <= 5:
            assert row[f"top{row['rank']}"] == row["label"]
            assert row[f"top{row['rank']}_probability"] == row["probability"]
    np.testing.assert_array_equal(again, counts)

    found = read_json("j.json")
    assert (found["samples"], found["top1_wrong"]) == (samples, wrong)
    assert found["network"]["name"] == "cifar_resnet8_askc"
    assert found["parameters"]["file"] == "net.params"
    assert found["data"]["dataset"] == "cifar100"
    assert [row["images"] for row in found["classes"]] == counts.sum(axis=1).tolist()
    assert sum(row["correct"] for row in found["classes"]) == samples - wrong
    assert all((row["accuracy"] is None) == (row["images"] == 0) for row in found["classes"])
    assert sum(pair["images"] for pair in found["confused"]) == wrong
    assert sum(bin_["images"] for bin_ in found["calibration"]["bins"]) == samples
    own = [float(row["probability"]) for row in predictions]
    nll = found["calibration"]["negative_log_likelihood"]
    assert nll == pytest.approx(-np.log(own).mean(), rel=1e-4)
    ece = 100 * found["calibration"]["expected_calibration_error"]
    assert f"calibration error {ece:.2f} %" in out and f"{nll:.4f}" in out


def tables_in(capsys):
    """What the command says after the line on calibration."""
    return capsys.readouterr().out.split("likelihood")[1].splitlines()[1:]


@pytest.mark.parametrize(
    "flags", ["--cpus 3", "--batch-size 7", "--mode imperative --cpus 2", "--mode hybrid -j 0"]
)
def test_devices_batches_and_modes_change_nothing(run, capsys, flags):
    assert exit_code([*run, *ALL]) == 0
    tables, counts, rows = tables_in(capsys), rows_of("c.csv"), rows_of("p.csv")
    assert exit_code([*run, *ALL, *flags.split()]) == 0
    assert tables_in(capsys) == tables
    assert rows_of("c.csv") == counts
    again = rows_of("p.csv")
    assert [row[:4] for row in again] == [row[:4] for row in rows]
    own = [[float(row[5]) for row in table[1:]] for table in (rows, again)]
    np.testing.assert_allclose(*own, rtol=1e-3)


@pytest.mark.parametrize("target, file", [("onnx", "net.onnx"), ("symbol", "net-symbol.json")])
def test_exported_files(run, target, file):
    assert exit_code([*run, *ALL]) == 0
    counts = rows_of("c.csv")
    export = ["export", *run[1:], "--to", target, "--out", ".", "--no-check", "--input-size", 32]
    assert exit_code(export) == 0
    assert exit_code(["evaluate", file, "--data-dir", "data", *ALL]) == 0
    assert rows_of("c.csv") == counts


@pytest.mark.parametrize("dataset, classes", [("digits", 10), ("imagenet", 1000)])
def test_an_exported_file_of_another_number_of_classes(run, capsys, data, dataset, classes):
    export = ["export", *run[1:], "--to", "symbol", "--out", ".", "--no-check", "--input-size", 32]
    assert exit_code(export) == 0
    os.remove("export.json")
    model = "--model resnet --blocks 1 --channel-times 1" if classes == 10 else DEEP
    argv = ["evaluate", "net-symbol.json", *model.split(), "--dataset", dataset]
    capsys.readouterr()
    for more in ([], ALL):
        assert exit_code([*argv, *(["--data-dir", data] if classes > 10 else []), *more]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "net-symbol.json" in error and "100 classes" in error and str(classes) in error
    assert not os.path.exists("c.csv")


def test_tables_fit_a_terminal_and_say_where_the_rest_is(run, capsys):
    assert exit_code([*run, "--per-class"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert max(map(len, lines)) <= 80
    assert any("--json FILE" in line for line in lines)
    assert exit_code([*run, "--per-class", "--json", "all.json"]) == 0
    assert "all.json" in "\n".join(capsys.readouterr().out.splitlines()[:-1])


def test_nothing_is_collected_where_no_flag_asks(run, monkeypatch, capsys):
    monkeypatch.setattr(evaluating, "PredictionCollector", None)
    assert exit_code(run) == 0
    assert "calibration" not in capsys.readouterr().out


def test_a_picture_is_written_over_another(run, elsewhere):
    (elsewhere / "it.PNG").write_text("another")
    assert exit_code([*run, "--confusion", "it.PNG"]) == 0
    with Image.open("it.PNG") as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    "flags",
    [
        "--confusion c.pdf",
        "--confusion c",
        "--predictions p.png",
        "--json j.csv",
        "--json nowhere/j.json",
        "--predictions folder.csv",
        "--confusion x.csv --predictions ./x.csv",
    ],
)
def test_names_that_will_not_do_are_refused_before_anything_is_read(elsewhere, capsys, flags):
    (elsewhere / "folder.csv").mkdir()
    assert exit_code(["evaluate", "--params", "is-not-there", *flags.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert flags.split()[0] in error and "is-not-there" not in error
    assert os.listdir(elsewhere) == ["folder.csv"]


def test_nothing_is_left_where_an_evaluation_fails(run, elsewhere):
    before = sorted(os.listdir(elsewhere))
    (elsewhere / "data" / "test.bin").write_bytes(b"x")
    assert exit_code([*run, *ALL]) == 2
    assert sorted(os.listdir(elsewhere)) == before


@pytest.fixture
def trained(folders, photos, elsewhere):
    """A run on folders of images, of two classes."""
    flags = f"{QUICK_IMAGENET} {photos} {folders} --num-epochs 1 --save-dir run"
    assert train_imagenet(flags) == 0
    return elsewhere / "run"


def test_folders_and_records_of_two_classes(trained, data, capsys):
    assert "top-5" not in capsys.readouterr().out  # of two classes it says nothing
    settings = (trained / "settings.json").read_text()
    names = json.loads(settings)["class_names"]
    (trained / "settings.json").write_text(
        settings.replace(f'"{names[0]}"', '"an, odd\\n\\u001b[31mname"')
    )
    shutil.copytree(data / "val", "val")
    wordnet = sorted(os.listdir("val"))
    os.rename(f"val/{wordnet[0]}", "val/an, odd\n\x1b[31mname")
    argv = ["evaluate", "--params", "run/best.params", *ALL]
    assert exit_code([*argv, "--data-dir", "."]) == 0
    out = capsys.readouterr().out
    assert "top-5" not in out and "\x1b" not in out and "an, odd" in out
    assert read_json("j.json")["top5_wrong"] == 0
    folders = rows_of("p.csv")
    files = [row[1] for row in folders[1:]]
    assert len(files) == 7 and all(os.path.isfile(file) for file in files)
    assert rows_of("c.csv")[0][1:] == ["an, odd\n\x1b[31mname", names[1]]
    assert len(folders[0]) == 6 + 3 * 2  # the only two classes

    assert exit_code([*argv, "--rec-val", f"{data}/val.rec"]) == 0
    records = rows_of("p.csv")
    assert [row[1] for row in records[1:]] == [f"{data}/val.rec: record {i}" for i in range(7)]
    assert [row[2] for row in records] == [row[2] for row in folders]
    only = f"{QUICK_IMAGENET} --model photo_resnet8 --data-dir {data}"
    assert train_imagenet(f"{only} --eval-only --params run/best.params") == 0
    assert "top-5" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir(DEBIAN_FOLDER), reason="no Fashion-MNIST on this machine")
def test_the_repositorys_own_network(elsewhere, capsys):
    """As many wrong as its log says, and the rest as the docs show it."""
    root, name = os.path.join(ROOT, "params"), "fashion_mnist_aff_resnet8"
    wrong = round(1e4 * WEIGHTS[name].value)
    assert exit_code(["evaluate", name, "--root", root, *ALL]) == 0
    out = capsys.readouterr().out
    assert wrong_in(out) == (wrong, 10000)
    with open(f"{ROOT}/docs/evaluate.md", encoding="utf-8") as file:
        shown = file.read().replace("--json FILE has all", "j.json has all")
    assert out[out.index("expected calibration error") : out.index("wrote ")] in shown
    counts = np.array([row[1:] for row in rows_of("c.csv")[1:]], int)
    assert counts.sum() - np.trace(counts) == wrong
    assert counts.sum(axis=1).tolist() == [1000] * 10
