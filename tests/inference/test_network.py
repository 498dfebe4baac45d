"""Shapes are compared before anything is allocated for them."""

import json
import resource

import mxnet as mx
import pytest

import aff
from aff.cli.common.finetuning import taken_over
from aff.models.parameters import save_parameters

#: Of the network that the settings claim: 64 of its 65 arrays would fit into 1 MB.
CLASSES = 10_000_000
CLAIMED_MB = CLASSES * 64 * 4 // 2**20


@pytest.fixture
def run(tmp_path):
    """The folder of a run of ten classes whose settings claim ten million."""
    net = aff.get_model("cifar_resnet8_askc", fusion="Add", classes=10, ctx=mx.cpu())
    save_parameters(net, str(tmp_path / "best.params"))
    kwargs = {"fusion": "Add", "classes": CLASSES}
    settings = {"model": {"name": "cifar_resnet8_askc", "kwargs": kwargs}}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    return str(tmp_path)


@pytest.mark.parametrize(
    "use", [aff.load, lambda run: taken_over({"finetune": run}, "imagenet", has_model=False)]
)
def test_settings_of_millions_of_classes_take_no_memory(run, use):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(aff.InputError, match="best.params does not fit"):
        use(run)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < CLAIMED_MB // 4


@pytest.mark.parametrize(
    "kwargs",
    [
        {"classes": 30_000_000_000},
        {"classes": 10, "channel_times": 2**60},
        {"classes": 10, "ctx": "cpu"},
        {"classes": 10, "pretrained": True},
        {"classes": 10, "norm_layer": "x"},
        {"classes": [10]},
        {},
    ],
)
def test_arguments_that_no_network_takes(kwargs, run, tmp_path):
    model = {"name": "cifar_resnet8_askc", "kwargs": {"fusion": "Add", **kwargs}}
    (tmp_path / "settings.json").write_text(json.dumps({"model": model}))
    with pytest.raises(aff.InputError, match="settings.json: "):
        aff.load(run)
