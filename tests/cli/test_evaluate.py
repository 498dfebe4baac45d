"""``aff evaluate``: from a run's folder, from flags, and what misuse says."""

import json

import mxnet as mx
import pytest

import aff
from aff.cli.main import list_commands, main
from aff.models.parameters import save_parameters

from ..conftest import write_cifar


@pytest.fixture
def params(tmp_path):
    """Parameters of a small network for CIFAR-100 and that data."""
    write_cifar(tmp_path / "data", "cifar100", train=4, test=7)
    mx.random.seed(0)
    save_parameters(aff.get_model("cifar_resnet8_askc", ctx=mx.cpu()), str(tmp_path / "net.params"))
    return tmp_path / "net.params"


FLAGS = ["--model", "resnet", "--blocks", "1", "--channel-times", "1", "--dataset", "cifar100"]


def evaluate(*arguments):
    return main(["evaluate", *map(str, arguments)])


def write_settings(params, **changes):
    settings = {
        "model": {"name": "cifar_resnet8_askc", "kwargs": {"fusion": "ASKCFuse", "classes": 100}},
        "data": {
            "dataset": "cifar100",
            "labels": "coarse",
            "data_dir": str(params.parent / "data"),
        },
    }
    settings.update(changes)
    (params.parent / "settings.json").write_text(json.dumps(settings))


def test_from_flags(params, capsys):
    assert (
        evaluate("--params", params, *FLAGS, "--data-dir", params.parent / "data", "--cpus", 3) == 0
    )
    out = capsys.readouterr().out
    assert "cifar100 (fine labels), test part: top-1 error" in out
    assert "7 images, each once" in out


def test_from_the_runs_settings_and_flags_over_them(params, capsys):
    write_settings(params)
    assert evaluate("--params", params) == 0
    assert "(coarse labels)" in capsys.readouterr().out
    assert evaluate("--params", params, "--labels", "fine", "--mode", "imperative") == 0
    assert "(fine labels)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "batch_size", [*(pytest.param(size, marks=pytest.mark.slow) for size in (1, 2)), 3, 7, 100]
)
@pytest.mark.parametrize("mode", ["hybrid", "imperative"])
def test_the_figure_does_not_depend_on_the_batch(params, capsys, batch_size, mode):
    write_settings(params)
    assert evaluate("--params", params) == 0
    expected = capsys.readouterr().out
    assert evaluate("--params", params, "--batch-size", batch_size, "--mode", mode) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "name the data with --dataset"),
        (["--dataset", "digits"], "name the network with --model"),
        (["--dataset", "digits", "--blocks", "1"], "flags of the network need --model"),
        ([*FLAGS, "--fusion", "Add"], "does not fit this network"),
        ([*FLAGS, "--dataset", "digits"], "does not fit this network"),
        ([*FLAGS, "--model", "resnett"], "unknown model"),
        ([*FLAGS, "--root", "x"], "--root is the folder of published parameters"),
        ([*FLAGS, "--crop-ratio", "0.9"], "--crop-ratio is for imagenet"),
        (["--dataset", "cifar100", "--model", "cifar10_aff_resnet32"], "does not fit"),
        (["--dataset", "cifar10", "--model", "cifar10_aff_resnet32", "--fusion", "Add"], "leave"),
    ],
)
def test_what_is_missing_or_wrong_is_said(params, capsys, arguments, message):
    assert evaluate("--params", params, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_files_that_are_not_there_or_not_parameters(params, tmp_path, capsys):
    assert evaluate("--params", tmp_path / "none", *FLAGS) == 2
    assert "no such file" in capsys.readouterr().err
    params.write_bytes(params.read_bytes()[:999])
    assert evaluate("--params", params, *FLAGS) == 2
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "settings", ["[]", "{", '{"model": {"name": 3}}', '{"model": 3, "data": 4}']
)
def test_damaged_settings(params, capsys, settings):
    (params.parent / "settings.json").write_text(settings)
    assert evaluate("--params", params) == 2
    error = capsys.readouterr().err
    assert "settings.json" in error
    assert error.count("\n") == 1


def test_classes_must_be_the_data_sets(params, capsys):
    write_settings(params, data={"dataset": "digits", "labels": None, "data_dir": None})
    assert evaluate("--params", params) == 2
    assert "100 classes, digits has 10" in capsys.readouterr().err


def test_unknown_commands(capsys):
    assert main(["evalute"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "did you mean 'evaluate'? valid: " in error and "'aff help' has all" in error
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in list_commands())
