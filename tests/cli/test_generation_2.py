"""The scripts' flags name the networks of generation 2, and its recipe runs."""

import pytest

from aff.data.datasets import find_dataset
from aff.models.factory import resolve_model
from aff.models.records import WEIGHTS

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


@pytest.mark.parametrize(
    "model",
    [
        "resnet50_v1b_askc --stem-width 32",
        pytest.param("resnext50_32x4d_askc", marks=pytest.mark.slow),
    ],
)
def test_its_recipe_runs(model, folders, capsys, elsewhere):
    flags = "--deep-stem --avg-down --auto-aug --mixup --label-smoothing --no-wd --last-gamma"
    assert train(f"{QUICK_IMAGENET} {folders} --smoke --model {model} {flags}") == 0
    assert "smoke run: passed" in capsys.readouterr().out
