"""``train_cifar.py`` as its users run it."""
import json
import re
import shlex

import mxnet as mx
import pytest

import aff
from aff.commands import train_cifar
from aff.commands.main import main as aff_main

from ..conftest import ROOT, assert_one_line_error, run_python, write_cifar

PUBLISHED = [
    "--model resnet --dataset cifar100 --blocks 5 --channel-times 4 --gpus 0 --start-layer 1 --num-epochs 400 "
    "--mode hybrid -j 2 --batch-size 128 --wd 0.0001 --lr 0.2 --lr-decay 0.1 --lr-decay-epoch 300,350",
    "--model resnext38_32x4d --dataset cifar100 --gpus 0,1,2 --num-epochs 640 --mode hybrid -j 28 --batch-size 128 "
    "--wd 0.0001 --lr 0.2 --lr-decay 0.1 --lr-decay-epoch 300,450",
]
QUICK = "--dataset digits --blocks 1 --channel-times 1 --cpus 1 --seed 1"


def train(text, *more):
    return train_cifar.main([*shlex.split(text), *map(str, more)], prog="train_cifar.py")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Run in an empty folder, so that what a command leaves behind is seen."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "cwd"


@pytest.mark.parametrize("command, expected", zip(PUBLISHED, ["7,917,456 (7.92M)", "7,832,996 (7.83M)"]))
def test_published_commands_with_summary(command, expected, capsys, elsewhere):
    assert train(command, "--summary") == 0
    assert expected in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("command", PUBLISHED)
@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_published_commands_run_on_files_of_the_format(command, labels, tmp_path, capsys):
    write_cifar(tmp_path / "data", "cifar100", train=12, test=5)
    smaller = ["--batch-size", "4", "--blocks", "1", "--channel-times", "1"] if "--blocks" in command else [
        "--model", "resnext11_32x4d", "--batch-size", "4"]
    assert train(command, "--smoke", "--data-dir", tmp_path / "data", "--labels", labels, *smaller) == 0
    finished = capsys.readouterr()
    assert finished.err.count("NO GPU ON THIS MACHINE") == 1
    assert "alpha 1 in epochs 0 to" in finished.out
    assert f"cifar100 ({labels} labels): 12 train, 5 test" in finished.out
    assert "fusion ASKCFuse" in finished.out


def test_a_run_its_files_and_its_evaluation(elsewhere, capsys):
    assert train(f"{QUICK} --num-epochs 2 --batch-size 64 --lr 0.1 --cosine --warmup-epochs 1 --no-mixup") == 0
    out = capsys.readouterr().out
    folder = elsewhere / "params" / "digits-resnet8-ASKCFuse"
    logs = elsewhere / "logs" / "digits-resnet8-ASKCFuse"
    assert {"best.params", "settings.json", "checkpoint-0001", "checkpoint-0002"} == {
        path.name for path in folder.iterdir()}
    events = [json.loads(line) for line in (logs / "train.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", "epoch", "epoch", "end"]
    for event in events[1:3]:
        assert {"epoch", "lr", "train_loss", "train_metric", "train_value", "top1_error", "top5_error",
                "images_per_sec", "seconds"} <= set(event)
    assert events[0]["versions"]["mxnet"] == "1.9.1"
    assert events[0]["training"]["seed"] == 1
    assert "epoch 1  lr" in (logs / "train.log").read_text()
    assert (logs / "history.png").read_bytes().startswith(b"\x89PNG")
    assert "chosen by the test set itself" in out
    printed = re.search(r"evaluate again .* -m aff (evaluate .*)", out).group(1)
    assert aff_main(shlex.split(printed)) == 0
    evaluated = capsys.readouterr().out
    assert f"top-1 error {100 * events[-1]['test_top1_error']:.2f} %" in evaluated
    assert "359 images, each once" in evaluated


def test_training_again_takes_another_folder(elsewhere):
    for _ in range(2):
        assert train(QUICK, "--num-epochs", 1, "--batch-size", 700, "--no-mixup") == 0
    assert sorted(path.name for path in (elsewhere / "params").iterdir()) == [
        "digits-resnet8-ASKCFuse", "digits-resnet8-ASKCFuse-2"]


def test_a_run_is_not_overwritten(elsewhere, capsys):
    assert train(QUICK, "--num-epochs", 1, "--batch-size", 700, "--save-dir", "here") == 0
    before = (elsewhere / "here" / "best.params").read_bytes()
    assert train(QUICK, "--num-epochs", 1, "--batch-size", 700, "--save-dir", "here") == 2
    assert "--save-dir here holds a run already" in capsys.readouterr().err
    assert (elsewhere / "here" / "best.params").read_bytes() == before


def test_resume_goes_on_to_the_same_end(elsewhere, capsys, monkeypatch):
    from aff.training import run as run_module
    settings = ("--batch-size", 300, "--num-epochs", 3, "--mixup-off-epoch", 1)
    assert train(QUICK, *settings, "--save-dir", "whole") == 0

    class Killed(Exception):
        pass

    original = run_module.save_checkpoint

    def save_then_die(*arguments):
        original(*arguments)
        raise Killed

    monkeypatch.setattr(run_module, "save_checkpoint", save_then_die)
    with pytest.raises(Killed):
        train(QUICK, *settings)
    monkeypatch.setattr(run_module, "save_checkpoint", original)
    assert train(QUICK, *settings, "--resume", "auto", "--lr", "0.3") == 2
    assert "lr 0.2 -> 0.3" in capsys.readouterr().err
    assert train(QUICK, *settings, "--resume", "auto", "--cpus", "2") == 2
    assert "devices 1 -> 2" in capsys.readouterr().err
    assert train(QUICK, *settings, "--resume", "auto", "-j", "0") == 0
    one, other = (elsewhere / folder / "checkpoint-0003" for folder in ("whole", "params/digits-resnet8-ASKCFuse"))
    for file in ("net.params", "optimizer.params"):
        assert (one / file).read_bytes() == (other / file).read_bytes()


def test_val_split_chooses_by_the_held_out_part(capsys):
    assert train(QUICK, "--num-epochs", 1, "--batch-size", 300, "--val-split", "0.2", "--smoke") == 0
    out = capsys.readouterr().out
    assert "1151 train, 287 val, 359 test images" in out
    assert "chosen by the held-out part" in out
    assert "val top-1" in out


def test_mixup_that_never_happens_is_said(capsys):
    assert train(QUICK, "--num-epochs", 5, "--batch-size", 300, "--smoke") == 0
    assert "mixup     off: all 5 epochs are among the last 20" in capsys.readouterr().out


@pytest.mark.parametrize("more", [
    "--cpus 2", "--mode imperative", "--label-smoothing", "--no-wd", "--deep-stem", "--start-layer 3", "--no-mixup",
    "--fusion iAFF", "--askc-type DirectAdd", "--cosine", "--cosine --warmup-epochs 3", "--warmup-epochs 3",
    "-j 0", "--val-split 0.5", "--mixup-alpha 0.2 --mixup-off-epoch 0", "--momentum 0"])
def test_every_flag_runs(more, capsys, elsewhere):
    assert train(QUICK, *f"--smoke --batch-size 20 {more}".split()) == 0
    assert "smoke run: passed" in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


def test_flags_without_effect_are_said(capsys):
    assert train(f"{QUICK} --smoke --batch-size 20 --no-mixup --mixup-alpha 1 --cosine --lr-decay-epoch 3") == 0
    out = capsys.readouterr().out
    assert "not used  --mixup-alpha with --no-mixup" in out
    assert "not used  --lr-decay-epoch with --cosine" in out
    assert "evaluate again" not in out


def test_smoke_keeps_its_files_where_a_folder_is_named(elsewhere):
    assert train(QUICK, "--smoke", "--batch-size", 20, "--save-dir", "kept") == 0
    assert (elsewhere / "kept" / "best.params").exists()


@pytest.mark.parametrize("arguments, message", [
    ("--model resnet50", "unknown model 'resnet50': did you mean 'resnet'? valid: resnet, resnext29_32x4d"),
    ("--model resnext30_32x4d", "must be 9b+2"),
    ("--model resnext29_32x4d --blocks 3", "--blocks is not for --model resnext29_32x4d"),
    ("--model resnext29_32x4d --channel-times 3", "--channel-times is not for"),
    ("--fusion AAF", "unknown fusion 'AAF'"),
    ("--dtype float16", "float16 needs a GPU"),
    ("--batch-size 1500", "more than the 1438 training images"),
    ("--labels coarse", "--labels is for cifar100"),
    ("--data-dir /tmp", "come with the package"),
    ("--gpus 0,0 ", "distinct numbers"),
    ("--gpus x", "numbers separated by commas"),
    ("--warmup-epochs 500", "--warmup-epochs 500 is more than --num-epochs 400"),
    ("--resume nowhere", "no checkpoint there"),
    ("--val-split 0.0001", "holds out 0"),
    ("--save-dir /proc/none", "cannot be created"),
])
def test_what_cannot_be_done_is_said_in_one_line(arguments, message, capsys, elsewhere):
    cpus = [] if "--gpus" in arguments else ["--cpus", "1"]
    assert train("--dataset digits", *cpus, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("train_cifar.py: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("arguments", [
    "--batch-size 0", "--lr -1", "--lr nan", "--lr 0", "--num-epochs 1.5", "--dataset mnist", "--modle resnet",
    "--num-epoch 4", "--lr-decay-epoch 3,x", "--lr-decay-epoch 0", "--mode fast", "--val-split 1", "--momentum 2",
    "--cpus 0", "-j -1", "--blocks", "--start-layer 5", "--seed -1", "extra"])
def test_bad_arguments_are_refused_in_one_line(arguments, capsys, elsewhere):
    with pytest.raises(SystemExit) as finished:
        train(arguments)
    assert finished.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("train_cifar.py: error: ")
    assert error.count("\n") == 1
    assert not list(elsewhere.iterdir())


def test_an_interrupted_run_says_how_to_go_on(capsys, monkeypatch):
    from aff.training.run import Run

    def interrupt(self, state):
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "go", interrupt)
    assert train(QUICK, "--batch-size", 64, "--save-dir", "here") == 130
    assert capsys.readouterr().err.endswith(
        "interrupted: go on from the last whole epoch with the same command and --resume auto --save-dir here\n")


def test_a_loss_that_explodes_ends_in_one_line(capsys):
    assert train(QUICK, "--batch-size", 64, "--lr", "1e30", "--num-epochs", 2) == 1
    error = capsys.readouterr().err
    assert re.search(r"error: .* not finite at epoch 0, step \d+, learning rate 1e\+30", error)
    assert error.count("\n") == 1


def test_as_a_process(tmp_path):
    finished = run_python("train_cifar.py", "--dataset", "cifar10", "--data-dir", tmp_path / "none",
                          MXNET_GLUON_REPO="http://127.0.0.1:9/")
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert finished.stderr.strip().splitlines()[-1].startswith("train_cifar.py: error: cifar10 is not in")


def test_without_mxnet_the_script_says_how_to_install_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.abc\n"
        "class Hide(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mxnet': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hide())\n")
    finished = run_python("train_cifar.py", "--help", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert_one_line_error(finished, "train_cifar.py: error: mxnet is not installed for this Python")
    finished = run_python("-m", "aff", "evaluate", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert_one_line_error(finished, "aff: error: mxnet is not installed for this Python")
    finished = run_python("-c", "import aff", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "ImportError: mxnet is not installed" in finished.stderr


def test_help_gives_every_default(capsys):
    with pytest.raises(SystemExit):
        train("--help")
    text = " ".join(capsys.readouterr().out.split())
    for expected in ("(default: 300,350)", "(default: 0.2)", "(default: 5)", "(default: 128)"):
        assert expected in text


def test_the_default_network_is_that_of_the_table():
    options = train_cifar.build_parser("x").parse_args([])
    name, kwargs = train_cifar.resolve(options, 100)
    assert aff.count_parameters(aff.get_model(name, ctx=mx.cpu(), **kwargs)) == (7897156, 7917456)
