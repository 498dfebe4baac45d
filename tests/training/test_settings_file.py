"""``settings.json``: what was written comes back, and holds a resumed run to it."""

import dataclasses
import json
import tarfile

import pytest

import aff
from aff.training.config import TrainConfig
from aff.training.setting import FIXED, FREE, TOLD, UNTOLD, settings_of
from aff.training.settings_file import changes, describe, read_config
from aff.utils.files import write_json

from ..conftest import ROOT

BEFORE = f"{ROOT}/tests/before"
FACTS = {"devices": 1}
CONFIGS = {
    "cifar": TrainConfig.from_args(
        {"model": "resnext29_32x4d", "fusion": "iAFF", "dataset": "cifar10", "lr": 0.3}, "cifar"
    ),
    "superclasses": TrainConfig.from_args({"labels": "coarse", "mixup": False}, "cifar"),
    "imagenet": TrainConfig.from_args(
        {"dataset": "imagenet", "model": "resnext50_32x4d_askc", "use_rec": True, "mixup": True},
        "imagenet",
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_what_was_written_comes_back(name, tmp_path):
    config = dataclasses.replace(
        CONFIGS[name], save_dir="x", resume="auto", command="train", log_interval=7, save_period=3
    )
    path = str(tmp_path / "settings.json")
    write_json(path, describe(config, {**FACTS, "train_images": 7, "images": {}}))
    # a new run, which goes elsewhere
    assert read_config(path) == dataclasses.replace(config, save_dir=None, resume=None, command="")


@pytest.mark.parametrize("file", ["x.json", "x.yaml", "x.yml"])
def test_fields_alone(file, tmp_path):
    fields = {"model": "resnet", "blocks": 1, "fusion": "Add", "num_epochs": 3, "lr": 0.5}
    path = tmp_path / file
    path.write_text(
        json.dumps(fields)
        if file.endswith("json")
        else "".join(f"{key}: {value}\n" for key, value in fields.items())
    )
    assert read_config(str(path)) == TrainConfig.from_args(fields, "cifar")


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"num_epoch": 3}, "did you mean 'num_epochs'"),
        ({"num_epochs": 0}, "num_epochs: .*at least 1, got 0"),
        ({"num_epochs": "many"}, "num_epochs: .*'many'"),
        ({"num_epochs": True}, "num_epochs: "),
        ({"num_epochs": None}, "num_epochs takes a value"),
        ({"mixup": 1}, "mixup: .*true or false"),
        ({"lr_mode": "cosin"}, "lr_mode: .*did you mean 'cosine'"),
        ({"lr": float("inf")}, "lr: .*inf"),
        ({"lr_decay_epoch": [3, 0]}, "lr_decay_epoch: .*0"),
        ({"dataset": "cifar11"}, "did you mean 'cifar10'"),
        ({"model_kwargs": [1]}, "model_kwargs: "),
        ({"model_kwargs": {"fusion": "Add", "bogus": 1}}, "bogus"),
        ({"fusion": "Ad"}, "did you mean 'Add'"),
        ({"training": [1]}, "training"),
    ],
)
def test_what_is_no_configuration_is_refused(fields, message, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(fields))
    with pytest.raises(aff.InputError, match=message) as error:
        read_config(str(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["{", "[1]", "a: [", "\x00"])
@pytest.mark.parametrize("name", ["x.json", "x.yaml"])
def test_what_cannot_be_read_is_named(content, name, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    for named in (path, tmp_path / f"none-{name}"):
        with pytest.raises(aff.InputError, match=named.name) as error:
            read_config(str(named))
        assert "\n" not in str(error.value)


def test_settings_of_an_earlier_version_are_read(tmp_path):
    config = read_config(f"{BEFORE}/imagenet_settings.json")
    assert config == dataclasses.replace(
        TrainConfig.from_args(
            {
                "dataset": "imagenet",
                "last_gamma": True,
                "num_workers": 48,
                "warmup_epochs": 5,
                "no_wd": True,
                "label_smoothing": 0.1,
                "dtype": "float16",
                "use_rec": True,
                "num_gpus": 2,
                "lr_mode": "cosine",
                "mixup": True,
            },
            "imagenet",
        )
    )
    with tarfile.open(f"{BEFORE}/run.tar.gz") as archive:
        content = archive.extractfile("run/params/settings.json").read()
    (tmp_path / "x.json").write_bytes(content)
    config = read_config(str(tmp_path / "x.json"))
    assert (config.dataset, config.lr_mode, config.mixup) == ("digits", "cosine", True)
    assert config.model_kwargs == {"fusion": "DirectAdd", "classes": 10, "channel_times": 1}


def other(name, value):
    """Another value than a field has."""
    if name == "dataset":
        return "cifar10"
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return {**value, "x": 1} if isinstance(value, dict) else [1] if value == [] else "other"


@pytest.mark.parametrize("name", settings_of(TrainConfig))
def test_a_resumed_run_may_change_what_the_field_says(name, tmp_path):
    config = CONFIGS["superclasses"]
    write_json(str(tmp_path / "settings.json"), describe(config, FACTS))
    assert changes(config, FACTS, str(tmp_path)) == []
    changed = dataclasses.replace(config, **{name: other(name, getattr(config, name))})
    told = dataclasses.replace(changed, resume_changed=True)
    rule = settings_of(TrainConfig)[name].resume
    if rule == UNTOLD:
        assert changes(changed, FACTS, str(tmp_path)) == []
    if rule == FREE:
        assert changes(changed, FACTS, str(tmp_path))[0].startswith(f"{name} ")
    if rule in (TOLD, FIXED):
        with pytest.raises(aff.InputError, match=f"resume: {tmp_path} .*{name} "):
            changes(changed, FACTS, str(tmp_path))
    if rule == TOLD:
        assert changes(told, FACTS, str(tmp_path))[0].startswith(f"{name} ")
    if rule == FIXED:
        with pytest.raises(aff.InputError, match=f"another .*{name}"):
            changes(told, FACTS, str(tmp_path))


@pytest.mark.parametrize("name", ["optimizer", "clip_grad", "cutmix_alpha", "train_fraction"])
def test_what_an_earlier_version_did_not_write_is_as_usual(name, tmp_path):
    config = CONFIGS["superclasses"]
    described = describe(config, FACTS)
    del described["training"][name]
    write_json(str(tmp_path / "settings.json"), described)
    assert changes(config, FACTS, str(tmp_path)) == []
    value = "adamw" if name == "optimizer" else 0.5
    with pytest.raises(aff.InputError, match=f"{name} .* -> "):
        changes(dataclasses.replace(config, **{name: value}), FACTS, str(tmp_path))


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"dataset": "masks", "mixup": True}, "mixup True: not of this kind"),
        ({"dataset": "masks", "rand_aug": [2, 9]}, "rand_aug .*: not of this kind"),
        ({"dataset": "cifar10", "loss": "soft-iou"}, "loss 'soft-iou': not of this kind"),
        ({"dataset": "cifar10", "crop_size": 64}, "crop_size 64: not of this kind"),
        ({"dataset": "imagenet", "crop_ratio": 0}, "crop_ratio: takes a number"),
        ({"dataset": "imagenet", "input_size": 0}, "input_size: takes a whole number"),
        ({"dataset": "masks", "crop_size": 0}, "crop_size: takes a whole number"),
    ],
)
def test_a_file_says_nothing_that_its_kind_of_data_does_not_have(fields, message, tmp_path):
    path = tmp_path / "it.json"
    path.write_text(json.dumps(fields))
    with pytest.raises(aff.InputError, match=message):
        read_config(str(path))


@pytest.mark.parametrize("fields", [{"dataset": "cifar10"}, {"dataset": "imagenet"}])
def test_a_file_names_a_generation_as_the_flag_does(fields, tmp_path):
    kind = "imagenet" if fields["dataset"] == "imagenet" else "cifar"
    given = {**fields, "generation": 2, "model": "resnext"}
    path = tmp_path / "it.json"
    path.write_text(json.dumps(given))
    assert read_config(str(path)) == TrainConfig.from_args(given, kind)


def test_the_number_of_devices_may_change_where_it_is_told(tmp_path):
    config = CONFIGS["cifar"]
    write_json(str(tmp_path / "settings.json"), describe(config, FACTS))
    with pytest.raises(aff.InputError, match="devices 1 -> 2"):
        changes(config, {"devices": 2}, str(tmp_path))
    told = dataclasses.replace(config, resume_changed=True)
    assert changes(told, {"devices": 2}, str(tmp_path)) == ["devices 1 -> 2"]


def test_the_machine_may_change_and_is_said(tmp_path):
    kept = describe(CONFIGS["cifar"], FACTS)
    assert set(kept["machine"]) == {"processor", "instruction_set", "threads"}
    kept["machine"]["processor"] = "another"
    write_json(str(tmp_path / "settings.json"), kept)
    (change,) = changes(CONFIGS["cifar"], FACTS, str(tmp_path))
    assert change.startswith("processor 'another' -> ")
