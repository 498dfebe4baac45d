"""Training curves of our logs, the authors' figures and their text logs; and their picture."""

import json

import pytest

import aff
from aff.cli.main import main
from aff.models.records import RUNS
from aff.paper.curves import (
    list_references,
    read_curve,
    read_curves,
    read_reference,
)
from aff.training.curve_figure import panels

from ..conftest import ROOT

IMAGENET_LOG = """\
INFO:root:Namespace(batch_size=128)
INFO:root:Epoch[0] Batch [49]\tSpeed: 600.0 samples/sec\trmse=0.026100\tlr=0.001
INFO:root:[Epoch 0] training: rmse=0.026064
INFO:root:[Epoch 0] speed: 679 samples/sec\ttime cost: 1913.109349
INFO:root:[Epoch 0] validation: err-top1=0.948704 err-top5=0.849561
INFO:root:[Epoch 1] training: rmse=0.025868
"""
CIFAR_LOG = "INFO:root:[Epoch 3] train=0.078448 val=0.133900 loss=2.941611 time: 73.799308\n"


def our_log(folder, epochs=2):
    folder.mkdir(parents=True)
    lines = [{"event": "start"}]
    for epoch in range(epochs):
        lines.append(
            {
                "event": "epoch",
                "epoch": epoch,
                "lr": 0.1,
                "train_loss": 1.0,
                "train_metric": "top1_error",
                "train_value": 0.5,
                "images_per_sec": 100.0,
                "seconds": 5.0,
                "top1_error": {"val": 0.3, "test": 0.4},
                "top5_error": {"val": 0.1, "test": 0.2},
            }
        )
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"torn')
    return folder


def test_our_log(tmp_path):
    folder = our_log(tmp_path / "run-a")
    for path in (folder, folder / "train.jsonl"):
        curve = read_curve(str(path))
        assert curve.name == "run-a"
        assert curve.series("test_top1") == ([0, 1], [0.4, 0.4])
        assert curve.series("val_top5") == ([0, 1], [0.1, 0.1])
        assert curve.series("train_top1") == ([0, 1], [0.5, 0.5])


def test_a_run_whose_targets_became_soft_is_drawn_as_what_each_epoch_measured(tmp_path):
    """By mixup, which a run may go on with: then errors stay errors."""
    folder = our_log(tmp_path / "run", epochs=2)
    lines = (folder / "train.jsonl").read_text().splitlines()[:-1]
    lines[-1] = lines[-1].replace("top1_error", "rmse", 1).replace("0.5", "0.2")
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n")
    curve = read_curve(str(folder))
    assert curve.series("train_top1") == ([0], [0.5])
    assert curve.series("train_rmse") == ([1], [0.2])


def test_text_logs_of_the_authors_scripts(tmp_path):
    (tmp_path / "a.log").write_text(IMAGENET_LOG)
    curve = read_curve(str(tmp_path / "a.log"))
    assert curve.rows[0] == {
        "lr": 0.001,
        "train_rmse": 0.026064,
        "images_per_sec": 679,
        "val_top1": 0.948704,
        "val_top5": 0.849561,
    }
    assert curve.rows[1] == {"train_rmse": 0.025868}
    (tmp_path / "b.log").write_text(CIFAR_LOG)
    row = read_curve(str(tmp_path / "b.log")).rows[3]
    assert row["val_top1"] == pytest.approx(0.8661)
    assert row["train_loss"] == 2.941611


@pytest.mark.parametrize("name", list_references())
def test_every_published_curve_is_what_its_record_says(name):
    (facts,) = (record.log_facts for record in RUNS.values() if record.curve == name)
    curve = read_reference(name)
    epochs, errors = curve.series("val_top1")
    assert [len(epochs), epochs[0], epochs[-1]] == [
        facts[key] for key in ("epochs", "first_epoch", "last_epoch")
    ]
    assert min(errors) == pytest.approx(facts["best_top1_error"], abs=1e-6)
    assert errors[-1] == pytest.approx(facts["last_top1_error"], abs=1e-6)
    assert errors[epochs.index(facts["best_epoch"])] == min(errors)


def test_every_published_curve_is_here():
    told = {record.curve for record in RUNS.values() if record.curve and not record.ours}
    assert set(list_references()) == told
    assert len(told) >= 21


@pytest.mark.parametrize("out", ["a.png", "b.svg"])
def test_the_picture(tmp_path, monkeypatch, capsys, out):
    monkeypatch.chdir(ROOT)
    run = our_log(tmp_path / "ours")
    path = tmp_path / out
    assert main(["plot", str(run), "--reference", "aff_resnet50", "--out", str(path)]) == 0
    said = capsys.readouterr().out
    assert "ours: 2 epochs, " in said
    assert "published aff_resnet50: 160 epochs" in said
    assert path.read_bytes().startswith(b"\x89PNG" if out == "a.png" else b"<?xml")


def test_panels_are_of_what_there_is(tmp_path):
    ours, published = read_curve(str(our_log(tmp_path / "x"))), read_reference("aff_resnet50")
    assert [panel.label for panel in panels([ours])] == [
        *("top-1 error (%)", "top-5 error (%)", "training loss", "learning rate"),
        "training speed (images/s)",
    ]
    assert [panel.label for panel in panels([published])] == [
        *("top-1 error (%)", "top-1 error (%), last epochs", "top-5 error (%)"),
        *("training RMSE (soft targets)", "training speed (images/s)"),
    ]


def test_an_accuracy_is_drawn_as_an_error():
    curve = read_reference("globglob_resnet50")
    assert curve.series("train_top1")[1][-1] == pytest.approx(1 - 0.868086)
    assert curve.series("train_rmse") == ([], [])
    soft = read_reference("aff_resnet50")  # whose RMSE is no error
    assert soft.series("train_top1") == ([], [])
    assert soft.series("train_rmse")[1][0] == 0.026064


OUR_TEXT = """\
2026-01-01 00:00:00 network   cifar_resnet8_askc, fusion ASKCFuse, 85,118 parameters
2026-01-01 00:00:01 epoch 0  lr 0.2  train loss 0.9058  top1_error 0.3348  errors: \
val top-1 28.60 % top-5 0.77 %  test top-1 28.27 % top-5 0.75 %  641 images/s  91.5 s
2026-01-01 00:00:02 epoch 1  lr 0.1  train loss 0.46  rmse 0.2  errors: val top-1 2.50 %  \
641 images/s  91.5 s
"""


def test_our_text_log(tmp_path):
    (tmp_path / "run-b").mkdir()
    (tmp_path / "run-b" / "train.log").write_text(OUR_TEXT)
    curve = read_curve(str(tmp_path / "run-b" / "train.log"))
    assert curve.name == "run-b"
    assert curve.rows[0] == pytest.approx(
        {
            **{"lr": 0.2, "train_loss": 0.9058, "train_top1": 0.3348, "images_per_sec": 641},
            **{"val_top1": 0.286, "val_top5": 0.0077, "test_top1": 0.2827, "test_top5": 0.0075},
        }
    )
    assert (curve.rows[1]["val_top1"], curve.rows[1]["train_rmse"]) == (0.025, 0.2)
    assert "val_top5" not in curve.rows[1]  # which five classes or fewer do not have


def test_settings_that_say_nothing_leave_the_folder_s_name(tmp_path):
    folder = our_log(tmp_path / "run")
    for text in ("{", "[]", '{"model": 3}', '{"model": {"name": "x", "kwargs": {"fusion": []}}}'):
        (folder / "settings.json").write_text(text)
        curve = read_curve(str(folder))
        assert (curve.name, curve.title) == ("run", "")


def test_runs_of_one_name_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/logs", "b/logs", "c"):
        our_log(tmp_path / name)
    names = [curve.name for curve in read_curves(["a/logs", "b/logs/train.jsonl", "c"])]
    assert names == ["a/logs", "b/logs/train.jsonl", "c"]


def test_published_curves_are_there_in_any_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plot", "--reference", "aff_resnet50"]) == 0
    assert "160 epochs, top-1 error 20.90 % at epoch 157 (best)" in capsys.readouterr().out
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give a log, or --reference with one of: aff_resnet50"),
        (["nowhere"], "nowhere: cannot be read: no such file"),
        (["setup.py"], "setup.py: holds no epoch"),
        (["--reference", "aff_resnet5"], "did you mean 'aff_resnet50'"),
        (["--reference", "aff_resnet50", "--out", "x.gif"], "name ends in .png or .svg or .pdf"),
        (["--reference", "aff_resnet50", "--out", "png"], "png: the file's name ends in .png"),
        (["--reference", "aff_resnet50", "--out", "/nowhere/x.png"], "is no folder /nowhere"),
        (["--reference", "aff_resnet50", "--out", "/tmp/.png/"], "name ends in .png or .svg"),
    ],
)
def test_mistakes(arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["plot", *arguments]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_a_folder_in_place_of_a_picture(tmp_path, capsys):
    (tmp_path / "x.png").mkdir()
    arguments = ["--reference", "aff_resnet50", "--out", str(tmp_path / "x.png")]
    assert main(["plot", *arguments]) == 2
    assert "x.png: is a folder: name a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change, field",
    [
        ({"top1_error": [1]}, "top1_error"),
        ({"top1_error": None}, "top1_error"),
        ({"epoch": float("inf")}, "epoch"),
        ({"epoch": 10**18}, "epoch"),
        ({"lr": "x"}, "lr"),
        ({"lr": 10**400}, "lr"),
        ({"lr": 1e308}, "lr"),
        ({"train_metric": None}, "train_metric"),
        ({"top5_error": {}}, "'val'"),
    ],
)
def test_a_damaged_log(change, field, tmp_path):
    folder = our_log(tmp_path / "run")
    event = json.loads((folder / "train.jsonl").read_text().splitlines()[1])
    with (folder / "train.jsonl").open("a") as file:
        file.write("\n" + json.dumps({**event, "epoch": 7, **change}))
    with pytest.raises(aff.InputError, match=f"train.jsonl: .*{field}"):
        read_curve(str(folder))


def test_the_named_file_is_read_and_not_another(tmp_path):
    folder = our_log(tmp_path / "run")
    lines = (folder / "train.jsonl").read_text().splitlines()
    (folder / "other-train.jsonl").write_text(lines[1])
    curve = read_curve(str(folder / "other-train.jsonl"))
    assert (curve.name, len(curve.rows)) == ("other-train.jsonl", 1)
    with pytest.raises(aff.InputError, match="copy-train.jsonl: .*no such file"):
        read_curve(str(folder / "copy-train.jsonl"))


def test_a_log_without_figures_and_names_that_are_formulas(tmp_path, capsys):
    (tmp_path / "empty.csv").write_text("epoch,train_metric\n0,rmse\n")
    assert main(["plot", str(tmp_path / "empty.csv"), "--out", str(tmp_path / "a.png")]) == 2
    assert "empty.csv: no figure to draw" in capsys.readouterr().err
    logs = [str(our_log(tmp_path / name)) for name in ("m$x_$", "_hidden")]
    assert main(["plot", *logs, "--out", str(tmp_path / "a.png"), "--title", "a $ b_ $"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text",
    [
        "[Epoch 0] training: rmse=1e308\n",
        f"[Epoch {'9' * 4000}] training: rmse=0.5\n",
        "[Epoch 0] training: rmse=inf\n",
        f"[Epoch 0] training: rmse={'9' * 4000}\n",
        "epoch,train_metric,train_loss\n0,rmse,1e308\n",
        f"epoch,train_metric,train_loss\n0,rmse,{'9' * 200_000}\n",
    ],
)
def test_figures_that_cannot_be_drawn(text, tmp_path, capsys):
    path = tmp_path / ("x.csv" if text.startswith("epoch,") else "x.log")
    path.write_text(text)
    assert main(["plot", str(path), "--out", str(tmp_path / "x.png")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "x." in error and len(error) < 1000
    assert not (tmp_path / "x.png").exists()


def test_fields_of_any_length_stay_out_of_the_picture(tmp_path, capsys):
    folder = our_log(tmp_path / "run")
    kwargs = {"fusion": "x" * 200_000, "classes": 10}
    data = {"dataset": "y" * 200_000, "labels": None}
    settings = {"model": {"name": "z" * 200_000, "kwargs": kwargs}, "data": data}
    (folder / "settings.json").write_text(json.dumps(settings))
    assert len(read_curve(str(folder)).title) < 300
    assert main(["plot", str(folder), "--out", str(tmp_path / "x.png")]) == 0
    assert len(capsys.readouterr().out) < 500 + 2 * len(str(tmp_path))
