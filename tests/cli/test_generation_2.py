"""The scripts' flags name the networks of generation 2, its commands run as they were published,
and so do its recipes.
"""

import json
import shlex

import pytest

from aff.cli.main import run_command
from aff.data.datasets import find_dataset
from aff.models.factory import resolve_model
from aff.models.records import RUNS, WEIGHTS

from ..golden import ARCHITECTURES
from .conftest import QUICK_IMAGENET, config_of
from .conftest import train_imagenet as train

SECOND = [record for record in WEIGHTS.values() if record.generation == 2]


def flags_of(record):
    """The flags that a user would give for a published network."""
    flags = ["--model", record.model, "--fusion", resolve_model(record.name)[1]["fusion"]]
    for key, value in resolve_model(record.name)[1].items():
        if key in ("deep_stem", "avg_down", "use_se") and value:
            flags.append(f"--{key.replace('_', '-')}")
        elif key in ("stem_width", "channel_times", "start_layer"):
            flags += [f"--{key.replace('_', '-')}", str(value)]
    return flags


@pytest.mark.parametrize("record", SECOND, ids=lambda record: record.name)
def test_flags_name_the_published_network(record):
    kind = find_dataset(record.dataset).kind
    data = ["--dataset", record.dataset] if kind == "cifar" else []
    config = config_of(kind, [*flags_of(record), *data])
    expected_name, expected = resolve_model(record.name)
    assert config.model == expected_name
    for key, value in expected.items():
        assert config.model_kwargs[key] == value, key


def test_there_are_nine():
    assert len(SECOND) == 9


@pytest.mark.numeric
@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet50_v1b_askc --stem-width 32", "resnext50_32x4d_askc"])
def test_its_recipe_runs(model, folders, capsys, elsewhere):
    flags = "--deep-stem --avg-down --auto-aug --mixup --label-smoothing --no-wd --last-gamma"
    assert train(f"{QUICK_IMAGENET} {folders} --smoke --model {model} {flags}") == 0
    assert "smoke run: passed" in capsys.readouterr().out


PUBLISHED = [record for record in RUNS.values() if record.published]
COMMANDS = [record for record in PUBLISHED if record.generation == 2]
EACH = pytest.mark.parametrize("record", COMMANDS, ids=lambda record: record.name)


KINDS = {"train_cifar.py": "cifar", "train_imagenet.py": "imagenet"}


def run_words(command, *more):
    """Run a published command, word for word, in this process."""
    script, *flags = shlex.split(command)
    return run_command(f"train-{KINDS[script]}", [*flags, *map(str, more)], script)


def test_there_are_five_commands_and_generation_1_keeps_its_six():
    assert len(COMMANDS) == 5
    assert len(PUBLISHED) == 11
    for record in PUBLISHED:
        script, *flags = shlex.split(record.published)
        config = config_of(KINDS[script], flags)
        assert config.generation == record.generation


#: The published code's network of each command, by its key among the golden values.
NETWORKS = {
    "gen2_iaff_resnet50": "gen2_resnet50_s3_ResGlobLocaforGlobLocaCha",
    "gen2_aff_resnext50_32x4d": "gen2_resnext50_32x4d_s3_ASKCFuse",
    "gen2_iaff_resnext50_32x4d": "gen2_resnext50_32x4d_s3_ResGlobLocaforGlobLocaCha",
    "gen2_cifar100_coarse_aff_resnet32": "gen2_cifar_resnet32_c4_s1_ASKCFuse",
    "gen2_cifar100_coarse_aff_resnext38_32x4d": "gen2_cifar_resnext38_32x4d_s1_ASKCFuse",
}


@EACH
def test_a_command_as_published_sums_up_its_network(record, capsys, elsewhere):
    assert run_words(record.published, "--summary") == 0
    text = capsys.readouterr().out
    assert f"{ARCHITECTURES[NETWORKS[record.name]]['n_params_total']:,}" in text
    assert not list(elsewhere.iterdir())


SMOKE = {
    "train_imagenet.py": QUICK_IMAGENET + " --dtype float32 --smoke",
    "train_cifar.py": "--cpus 1 --batch-size 4 --lr 0.001 -j 1 --smoke",
}


@pytest.mark.slow
@EACH
def test_a_command_as_published_trains(record, capsys, elsewhere, data, small):
    (elsewhere / "REC").symlink_to(data)
    flags = shlex.split(SMOKE[record.published.split()[0]])
    if record.published.startswith("train_cifar"):
        words = small.split()
        flags += words[: words.index("--blocks")]  # the data set and where it is
    assert run_words(record.published, *flags) == 0
    text = capsys.readouterr().out
    assert "smoke run: passed" in text
    assert "generation 2, which alone knew --auto_aug and " in text


@pytest.mark.parametrize(
    ("flags", "generation", "mixup"),
    [
        ("--model resnet --blocks 5", 1, True),
        ("--model resnet --blocks 5 --auto_aug", 2, False),
        ("--model resnet --blocks 5 --mixup", 2, True),
        ("--model resnext --blocks 5", 2, False),
        ("--model resnet --blocks 5 --generation 2", 2, False),
        ("--model resnet --blocks 5 --auto_aug --generation 1", 1, True),
        ("--model resnet --blocks 5 --auto-aug", 1, True),
    ],
)
def test_one_rule_tells_the_generations_of_cifar(flags, generation, mixup):
    config = config_of("cifar", flags.split())
    assert (config.generation, config.mixup) == (generation, mixup)
    assert config.model_kwargs["avg_down"] if generation == 2 else True


def test_spellings_that_contradict_each_other(capsys):
    assert run_words("train_cifar.py --model resnext --blocks 5 --mixup --no-mixup") == 2
    assert "--mixup contradicts --no-mixup: give one of them" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["resnet", "resnext"])
def test_num_layer_is_the_depth(model):
    config = config_of("imagenet", ["--model", model, "--num-layer", 101])
    assert config.model.startswith(f"{model}101")
    assert config.generation == 2


def test_a_depth_that_there_is_not(capsys):
    assert train("--model resnet --num-layer 17 --summary") == 2
    assert "must be one of 50, 101, 152" in capsys.readouterr().err


def test_a_file_of_settings_keeps_its_generation(elsewhere, capsys):
    (elsewhere / "first.json").write_text('{"dataset": "cifar10"}')
    (elsewhere / "second.json").write_text('{"dataset": "cifar10", "generation": 2}')
    for more in ("--mixup", "--generation 2"):
        assert run_words(f"train_cifar.py --config first.json {more} --summary") == 2
        assert "is of generation 1" in capsys.readouterr().err
    assert run_words("train_cifar.py --config second.json --mixup --summary") == 0
    assert run_words("train_cifar.py --config second.json --summary") == 0
    assert "networks of generation 2, as --config says" in capsys.readouterr().out


@pytest.mark.parametrize(
    "data, file, flag",
    [
        ("cifar", {"dataset": "cifar10"}, "--warmup-epochs 5"),
        ("imagenet", {"dataset": "imagenet", "use_rec": True}, "--auto-aug"),
    ],
)
def test_what_is_given_beside_a_file_of_settings_is_heeded(data, file, flag, tmp_path):
    path = tmp_path / "second.json"
    path.write_text(json.dumps({**file, "generation": 2}))
    config = config_of(data, ["--config", path, *flag.split()])
    key = flag.split()[0][2:].replace("-", "_")
    assert getattr(config, key) and config.unused([key]) == []


def test_what_generation_2_did_not_heed_is_said(capsys):
    config = config_of("cifar", ["--generation", 2, "--warmup-epochs", 20])
    assert config.warmup_epochs == 0
    [said] = config.unused(["generation", "warmup_epochs"])
    assert said.startswith("{warmup_epochs} in generation 2 without a cosine")
