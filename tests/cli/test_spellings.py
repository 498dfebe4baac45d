"""The same setting has the same names in both training scripts; two that contradict are refused."""

import pytest

import aff
from aff.cli.main import build_parser
from aff.training.batching import batch_arguments

from .conftest import config_of

BOTH = pytest.mark.parametrize("data", ["cifar", "imagenet"])


@BOTH
def test_both_scripts_know_these_flags(data):
    flags = {*build_parser(f"train-{data}")._option_string_actions}
    assert flags >= {
        *("--gpus", "--num-gpus", "--cosine", "--lr-mode", "--mixup", "--no-mixup", "-j"),
        *("--save-period", "--save-frequency", "--batch-size", "--auto-aug", "--resume-from"),
    }


@BOTH
@pytest.mark.parametrize(
    "one, other",
    [
        ("--cosine", "--lr-mode cosine"),
        ("--cosine", "--cosine --lr-mode cosine"),
        ("--save-period 7", "--save-frequency 7"),
        ("--gpus 0,1", "--num-gpus 2 --gpus 0,1"),
        ("--gpus 0 --num-gpus 1", "--num-gpus 1 --gpus 0"),
    ],
)
def test_spellings_mean_the_same(data, one, other):
    assert config_of(data, one.split()) == config_of(data, other.split())


def test_a_count_of_gpus_names_the_first_of_them():
    assert config_of("cifar", ["--num-gpus", "3"]) == config_of("cifar", ["--gpus", "0,1,2"])
    assert config_of("cifar", ["--num-gpus", "0"]) == config_of("cifar", ["--gpus", ""])


def test_numbers_of_gpus_say_how_many():
    config = config_of("imagenet", ["--gpus", "1,3"])
    assert (config.gpus, config.num_gpus) == ("1,3", 2)
    config = config_of("imagenet", ["--num-gpus", "2"])
    assert (config.gpus, config.num_gpus) == (None, 2)


def test_a_count_takes_the_place_of_a_files_numbers(tmp_path):
    (tmp_path / "it.json").write_text('{"dataset": "imagenet", "gpus": "2,3", "num_gpus": 2}')
    file = ["--config", str(tmp_path / "it.json")]
    assert config_of("imagenet", file).gpus == "2,3"
    config = config_of("imagenet", [*file, "--num-gpus", "1"])
    assert (config.gpus, config.num_gpus) == (None, 1)


@BOTH
def test_numbers_of_gpus_beside_cpus_are_said_to_do_nothing(data):
    config = config_of(data, ["--gpus", "0,1", "--cpus", "2"])
    assert [line for line in config.unused(["gpus", "cpus"]) if "{gpus}" in line]
    assert not config_of(data, ["--gpus", "", "--cpus", "2"]).unused(["gpus", "cpus"])


def test_mixup_is_switched_both_ways():
    assert config_of("imagenet", ["--mixup"]).mixup
    assert not config_of("imagenet", ["--no-mixup"]).mixup
    assert not config_of("cifar", ["--no-mixup"]).mixup
    second = config_of("cifar", ["--mixup"])  # which only generation 2's script knew
    assert (second.mixup, second.generation) == (True, 2)


@BOTH
@pytest.mark.parametrize(
    "text, named",
    [
        ("--cosine --lr-mode step", ("cosine", "lr_mode", "lr-mode")),
        ("--mixup --no-mixup", ("mixup",)),
        ("--num-gpus 2 --gpus 0", ("num_gpus", "num-gpus")),
        ("--gpus 1 --num-gpus 0", ("num_gpus", "num-gpus")),
    ],
)
def test_contradictions_are_refused(data, text, named):
    with pytest.raises(aff.InputError) as refused:
        config_of(data, text.split())
    assert any(name in str(refused.value) for name in named)
    assert "give one of them" in str(refused.value)


@pytest.mark.parametrize("mode", ["step", "poly", "cosine"])
def test_every_schedule_is_both_scripts(mode):
    for data in ("cifar", "imagenet"):
        assert config_of(data, ["--lr-mode", mode]).lr_mode == mode


@pytest.mark.parametrize("data", ["cifar", "imagenet"])
@pytest.mark.parametrize(
    "argv, value",
    [
        ([], 0),
        (["--label-smoothing"], 0.1),
        (["--label-smoothing", "--no-wd"], 0.1),
        (["--label-smoothing", "0.25"], 0.25),
        (["--label-smoothing=0"], 0),
    ],
)
def test_label_smoothing_with_and_without_a_value(data, argv, value):
    dataset = ["--dataset", "digits"] if data == "cifar" else []
    config = config_of(data, [*dataset, *argv])
    assert config.label_smoothing == value
    assert batch_arguments(config, 1)["smoothing"] == value
