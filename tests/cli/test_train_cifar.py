"""``train_cifar.py`` as its users run it."""

import json
import re
import shlex

import pytest

from aff.cli.main import main as aff_main
from aff.nn import one_image
from aff.training.keeper import Keeper

from ..conftest import write_cifar
from .conftest import QUICK, lines_of, train

pytestmark = pytest.mark.usefixtures("elsewhere")
WEIGHTS = [
    "--model resnet --dataset cifar100 --blocks 5 --channel-times 4 --gpus 0 --start-layer 1 "
    "--num-epochs 400 --mode hybrid -j 2 --batch-size 128 --wd 0.0001 --lr 0.2 --lr-decay 0.1 "
    "--lr-decay-epoch 300,350",
    "--model resnext38_32x4d --dataset cifar100 --gpus 0,1,2 --num-epochs 640 --mode hybrid -j "
    "28 --batch-size 128 --wd 0.0001 --lr 0.2 --lr-decay 0.1 --lr-decay-epoch 300,450",
]


@pytest.mark.parametrize(
    "command, expected", zip(WEIGHTS, ["7,917,456 (7.92M)", "7,832,996 (7.83M)"])
)
def test_published_commands_with_summary(command, expected, capsys, elsewhere):
    assert train(command, "--summary") == 0
    assert expected in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    "command, labels",
    [
        (WEIGHTS[0], "fine"),
        (WEIGHTS[1], "coarse"),
        pytest.param(WEIGHTS[0], "coarse", marks=pytest.mark.slow),
        pytest.param(WEIGHTS[1], "fine", marks=pytest.mark.slow),
    ],
)
def test_published_commands_run_on_files_of_the_format(command, labels, tmp_path, capsys):
    write_cifar(tmp_path / "data", "cifar100", train=12, test=5)
    smaller = (
        ["--batch-size", "4", "--blocks", "1", "--channel-times", "1"]
        if "--blocks" in command
        else ["--model", "resnext11_32x4d", "--batch-size", "4"]
    )
    assert (
        train(command, "--smoke", "--data-dir", tmp_path / "data", "--labels", labels, *smaller)
        == 0
    )
    finished = capsys.readouterr()
    assert finished.err.count("NO GPU ON THIS MACHINE") == 1
    assert "alpha 1 in epochs 0 to" in finished.out
    assert f"cifar100 ({labels} labels): 12 train, 5 test" in finished.out
    assert "fusion AFF (ASKCFuse)" in finished.out


def test_a_run_its_files_and_its_evaluation(small, elsewhere, capsys):
    flags = "--num-epochs 2 --batch-size 10 --lr 0.1 --cosine --warmup-epochs 1 --no-mixup"
    assert train(f"{small} {flags}") == 0
    out = capsys.readouterr().out
    folder = elsewhere / "params" / "cifar10-resnet8-ASKCFuse"
    logs = elsewhere / "logs" / "cifar10-resnet8-ASKCFuse"
    kept = {"best.params", "result.json", "settings.json", "checkpoint-0001", "checkpoint-0002"}
    assert kept == {path.name for path in folder.iterdir()}
    events = [json.loads(line) for line in (logs / "train.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", "epoch", "epoch", "end"]
    for event in events[1:3]:
        assert {
            "epoch",
            "lr",
            "train_loss",
            "train_metric",
            "train_value",
            "top1_error",
            "top5_error",
            "images_per_sec",
            "seconds",
        } <= set(event)
    assert events[0]["versions"]["mxnet"] == "1.9.1"
    assert events[0]["training"]["seed"] == 1
    assert re.search(r"\bepoch 1 +lr ", (logs / "train.log").read_text())
    assert (logs / "history.png").read_bytes().startswith(b"\x89PNG")
    assert "chosen by the test set itself" in out
    printed = re.search(r"evaluate again .* -m aff (evaluate .*)", out).group(1)
    assert aff_main(shlex.split(printed)) == 0
    evaluated = capsys.readouterr().out
    assert f"top-1 error {100 * events[-1]['test_top1_error']:.2f} %" in evaluated
    assert "20 images, each once" in evaluated


def test_training_again_takes_another_folder(small, elsewhere):
    for _ in range(2):
        assert train(small, "--num-epochs", 1, "--batch-size", 30, "--no-mixup") == 0
    assert sorted(path.name for path in (elsewhere / "params").iterdir()) == [
        "cifar10-resnet8-ASKCFuse",
        "cifar10-resnet8-ASKCFuse-2",
    ]


def test_a_run_is_not_overwritten(small, elsewhere, capsys):
    assert train(small, "--num-epochs", 1, "--batch-size", 30, "--save-dir", "here") == 0
    before = (elsewhere / "here" / "best.params").read_bytes()
    assert train(small, "--num-epochs", 1, "--batch-size", 30, "--save-dir", "here") == 2
    assert "--save-dir here holds a run already" in capsys.readouterr().err
    assert (elsewhere / "here" / "best.params").read_bytes() == before


@pytest.mark.numeric
def test_resume_goes_on_to_the_same_end(small, elsewhere, capsys, monkeypatch):
    settings = ("--batch-size", 20, "--num-epochs", 3, "--mixup-off-epoch", 1)
    assert train(small, *settings, "--save-dir", "whole") == 0

    class Killed(Exception):
        pass

    original = Keeper.save

    def save_then_die(*arguments):
        original(*arguments)
        raise Killed

    monkeypatch.setattr(Keeper, "save", save_then_die)
    with pytest.raises(Killed):
        train(small, *settings)
    monkeypatch.setattr(Keeper, "save", original)
    assert train(small, *settings, "--resume", "auto", "--lr", "0.3") == 2
    assert "lr 0.2 -> 0.3" in capsys.readouterr().err
    assert train(small, *settings, "--resume", "auto", "--cpus", "2") == 2
    assert "devices 1 -> 2" in capsys.readouterr().err
    assert train(small, *settings, "--resume", "auto", "-j", "0") == 0
    one, other = (
        elsewhere / folder / "checkpoint-0003"
        for folder in ("whole", "params/cifar10-resnet8-ASKCFuse")
    )
    for file in ("net.params", "optimizer.params"):
        assert (one / file).read_bytes() == (other / file).read_bytes()


def test_val_split_chooses_by_the_held_out_part(capsys):
    assert train(QUICK, "--num-epochs", 1, "--batch-size", 20, "--val-split", 0.2, "--smoke") == 0
    out = capsys.readouterr().out
    assert "1151 train, 287 val, 359 test images" in out
    assert "chosen by the held-out part" in out
    assert "val error" in out


def test_mixup_that_never_happens_is_said(capsys):
    assert train(QUICK, "--num-epochs", 5, "--batch-size", 20, "--smoke") == 0
    (mixup,) = lines_of(capsys.readouterr().out, "mixup")
    assert mixup.startswith("off") and "5 epochs" in mixup and "20" in mixup


@pytest.mark.parametrize(
    "more",
    [
        "--label-smoothing --no-wd --deep-stem --avg-down --start-layer 3 --cosine -j 0 "
        "--warmup-epochs 3 --val-split 0.5 --mixup-alpha 0.2 --mixup-off-epoch 0 --momentum 0",
        "--cpus 2 --mode imperative --no-mixup --fusion iAFF",
    ],
)
def test_flags_run_together(more, small, capsys, elsewhere):
    assert train(small, *f"--smoke --batch-size 20 {more}".split()) == 0
    assert "smoke run: passed" in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        "--cpus 2",
        "--mode imperative",
        "--label-smoothing",
        "--no-wd",
        "--deep-stem",
        "--avg-down",
        "--start-layer 3",
        "--no-mixup",
        "--fusion iAFF",
        "--askc-type DirectAdd",
        "--cosine",
        "--cosine --warmup-epochs 3",
        "--warmup-epochs 3",
        "-j 0",
        "--val-split 0.5",
        "--mixup-alpha 0.2 --mixup-off-epoch 0",
        "--momentum 0",
    ],
)
def test_every_flag_runs(more, capsys, elsewhere):
    assert train(QUICK, *f"--smoke --batch-size 20 {more}".split()) == 0
    assert "smoke run: passed" in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


def test_flags_without_effect_are_said(small, capsys):
    flags = "--smoke --batch-size 20 --no-mixup --mixup-alpha 1 --cosine --lr-decay-epoch 3"
    assert train(f"{small} {flags}") == 0
    out = capsys.readouterr().out
    said = [line.split()[1:] for line in lines_of(out, "not")]
    assert [words[0] for words in said] == ["--mixup-alpha", "--lr-decay-epoch"]
    assert "mixup" in said[0][-1]
    assert "cosine" in said[1]
    assert "evaluate again" not in out


def test_a_smoke_run_leaves_the_named_folders_to_the_run_that_it_tries(small, elsewhere):
    assert train(small, "--smoke", "--batch-size", 20, "--save-dir", "a", "--logging-dir", "b") == 0
    assert list(elsewhere.iterdir()) == []


def test_a_loss_that_explodes_ends_in_one_line(small, capsys):
    assert train(small, "--batch-size", 10, "--lr", "1e30", "--num-epochs", 2) == 1
    error = capsys.readouterr().err
    assert re.search(r"error: .* not finite at epoch 0, step \d+, learning rate 1e\+30", error)
    assert error.count("\n") == 1


def test_one_image_a_batch_is_warned_of_with_its_ways_out(small, capsys, monkeypatch):
    monkeypatch.setattr(one_image, "_TOLD", {"once": False})
    assert train(small, "--smoke", "--batch-size", 1, "--no-mixup") == 0
    finished = capsys.readouterr()
    said = finished.out + finished.err
    assert said.lower().count("one image a batch") == 1
    assert all(way in said for way in ("norm_layer", "freeze", "--batch-size"))


def test_an_inception_network_trains(small, capsys):
    assert train(f"{small} --model inception --fusion iAFF --smoke --batch-size 20") == 0
    assert "cifar_inception5_askc, fusion iAFF" in capsys.readouterr().out
