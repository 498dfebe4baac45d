"""What a run is: the configuration, made from what was given, and what it refuses."""

import dataclasses

import pytest

import aff
from aff.training.config import TrainConfig
from aff.training.contradictions import NEEDS
from aff.training.lr_scheduler import create_schedule
from aff.training.recipe_lines import recipe_lines
from aff.training.setting import FIXED, FREE, KINDS, TOLD, UNTOLD, settings_of


def test_every_field_is_described_for_all_kinds():
    for name, item in settings_of(TrainConfig).items():
        assert item.help, name
        assert item.resume in (FIXED, FREE, TOLD, UNTOLD), name
        assert set(item.defaults) == set(KINDS), name
        assert item.only and set(item.only) <= set(KINDS), name
        for kind in KINDS:
            assert item.checked(name, item.default(kind)) == item.default(kind)


def test_the_defaults_are_the_published_ones():
    cifar, imagenet = TrainConfig(), TrainConfig.defaults("imagenet")
    assert TrainConfig.defaults("cifar") == cifar
    assert (cifar.model, cifar.model_kwargs["channel_times"]) == ("cifar_resnet32_askc", 4)
    assert (cifar.num_epochs, cifar.lr, cifar.mixup, cifar.lr_decay_epoch) == (
        *(400, 0.2, True),
        [300, 350],
    )
    assert (imagenet.model, imagenet.lr, imagenet.mixup) == ("resnet50_v1b_askc", 0.075, False)
    assert (imagenet.input_size, imagenet.crop_ratio, imagenet.log_interval) == (224, 0.875, 50)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_given_is_the_default(kind):
    usual = {"dataset": "imagenet"} if kind == "imagenet" else {}
    given, default = TrainConfig.from_args(usual, kind), TrainConfig.defaults(kind)
    assert {**given.as_dict(), "model_kwargs": 0} == {
        **default.as_dict(),
        "model_kwargs": 0,
        "labels": "fine" if kind == "cifar" else None,
    }
    assert default.model_kwargs.items() <= given.model_kwargs.items()


def test_it_is_made_purely():
    given = {"model": "resnet", "blocks": 1, "fusion": "AFF", "num_epochs": 3, "dataset": "digits"}
    before = dict(given)
    first, second = (TrainConfig.from_args(given, "cifar") for _ in range(2))
    assert given == before
    assert first == second
    assert first.model == "cifar_resnet8_askc"
    assert first.model_kwargs == {"fusion": "ASKCFuse", "classes": 10, "channel_times": 4}
    first.lr_decay_epoch.append(7)  # no default is shared
    assert TrainConfig().lr_decay_epoch == second.lr_decay_epoch == [300, 350]
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.lr = 1.0


def test_a_base_keeps_what_is_not_given():
    base = TrainConfig.from_args({"fusion": "iAFF", "lr": 0.3, "blocks": 2}, "cifar")
    config = TrainConfig.from_args({"lr": 0.4}, "cifar", base)
    assert config == dataclasses.replace(base, lr=0.4)
    config = TrainConfig.from_args({"fusion": "Add"}, "cifar", base)
    assert (config.model, config.model_kwargs["fusion"]) == (base.model, "DirectAdd")


def test_labels_are_those_of_the_data_set():
    assert TrainConfig.from_args({"labels": "coarse"}, "cifar").labels == "coarse"
    assert TrainConfig.from_args({"dataset": "cifar10"}, "cifar").labels is None


def test_a_period_of_decays_is_a_list_of_them():
    given = {"dataset": "imagenet", "lr_decay_period": 3, "num_epochs": 10}
    assert TrainConfig.from_args(given, "imagenet").lr_decay_epoch == [3, 6, 9]


@pytest.mark.parametrize(
    "given, kind, message",
    [
        ({"dataset": "imagenet"}, "cifar", "imagenet"),
        ({"dataset": "cifar10"}, "imagenet", "cifar10"),
        ({"dataset": "cifar11"}, "cifar", "did you mean 'cifar10'"),
        ({"fusion": "AFFF"}, "cifar", "did you mean 'AFF'"),
        ({"model": "resnet", "use_se": True}, "cifar", "use_se is not for model resnet"),
        ({"model": "resnext29_32x4d", "blocks": 2}, "cifar", "blocks is not for model resnext29"),
        ({"model": "cifar_resnet9_askc"}, "cifar", r"6b\+2"),
    ],
)
def test_mistakes(given, kind, message):
    with pytest.raises(aff.InputError, match=message):
        TrainConfig.from_args(given, kind)


def test_a_misspelt_field_is_an_error():
    with pytest.raises(TypeError, match="num_epoch"):
        TrainConfig.from_args({"num_epoch": 3}, "cifar")


@pytest.mark.parametrize("key, other", NEEDS)
def test_what_does_nothing_without_another_is_refused(key, other):
    config = dataclasses.replace(TrainConfig(), **{key: 1 if key == "resume_epoch" else "x"})
    with pytest.raises(aff.InputError, match=f"{key} needs {other}"):
        config.check()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"use_rec": True, "data_dir": "x"}, "data_dir .*use_rec"),
        ({"smoke": True, "resume": "there"}, "smoke .*resume there"),
        ({"resume_params": "/nowhere/x"}, "resume_params /nowhere/x: no such file"),
        ({"resume_params": __file__, "resume_epoch": 400}, "resume_epoch 400: num_epochs 400"),
        ({"logging_file": "/nowhere/x.log"}, "logging_file /nowhere/x.log: "),
        ({"logging_file": "/tmp"}, "logging_file /tmp: is a folder"),
        ({"logging_file": "/dev/zero"}, "logging_file /dev/zero: "),
    ],
)
def test_contradictions_are_refused(settings, message):
    assert TrainConfig().check() == TrainConfig()
    with pytest.raises(aff.InputError, match=message):
        dataclasses.replace(TrainConfig(), **settings).check()


@pytest.mark.parametrize(
    "settings, without_effect",
    [
        ({}, {"warmup_lr", "temperature", "hard_weight"}),
        ({"mixup": False}, {"mixup_alpha", "mixup_off_epoch"}),
        ({"lr_mode": "cosine"}, {"lr_decay", "lr_decay_epoch", "lr_decay_period"}),
        ({"num_epochs": 300}, {"lr_decay_epoch"}),
        ({"generation": 2}, {"warmup_epochs"}),
        ({"generation": 2, "use_rec": True}, {"auto_aug"}),
        ({"cpus": 2, "num_gpus": 1}, {"num_gpus"}),
        ({"kvstore": "dist_sync"}, {"save_minutes"}),
    ],
)
def test_what_has_no_effect_is_said(settings, without_effect):
    config = dataclasses.replace(TrainConfig(), **settings)
    said = config.unused(settings_of(TrainConfig))
    assert without_effect <= {phrase.split("}")[0].lstrip("{") for phrase in said}
    assert config.unused(()) == []


@pytest.mark.parametrize(
    "settings, without_effect",
    [
        ({"fusion": "AFF", "r": 2}, []),
        ({"fusion": "MS-SENet", "r": 2}, ["r"]),
        ({"fusion": "SKFuse", "r": 2}, ["r"]),
        ({"fusion": "Add", "r": 2}, ["r"]),
        ({"fusion": "AFF", "r": 2, "backbone_r": 2}, ["backbone_r"]),
        ({"fusion": "Add", "r": 2, "backbone_r": 2, "backbone_fusion": "iAFF"}, ["r"]),
    ],
)
def test_a_ratio_that_the_fusion_does_not_heed_is_said(settings, without_effect):
    kind = "segmentation" if "backbone_r" in settings else "cifar"
    said = TrainConfig.from_args(settings, kind).unused(settings)
    assert [phrase.split("}")[0].lstrip("{") for phrase in said] == without_effect


def test_decays_of_which_one_comes_are_not_said_to_have_no_effect():
    config = dataclasses.replace(TrainConfig(), num_epochs=320)
    assert config.schedule(1)(319) == pytest.approx(0.02)
    assert config.unused(["lr_decay_epoch"]) == []


@pytest.mark.parametrize("epochs, falls", [(60, False), (300, False), (301, True)])
def test_a_rate_that_never_falls_is_said(epochs, falls):
    config = dataclasses.replace(TrainConfig(), num_epochs=epochs)
    assert (config.schedule(1)(epochs - 1) < config.lr) == falls
    said = [line for line in recipe_lines(config) if line.startswith("rate ")]
    assert said == [] if falls else "0.2 to the end: {lr_decay_epoch} 300, 350 is" in said[0]
    cosine = dataclasses.replace(config, lr_mode="cosine")
    assert not any(line.startswith("rate ") for line in recipe_lines(cosine))


def test_the_schedule_is_the_settings():
    settings = {"num_epochs": 6, "lr": 0.3, "warmup_epochs": 1, "lr_decay_epoch": [3, 5]}
    config = dataclasses.replace(TrainConfig(), **settings)
    expected = create_schedule(0.3, 6, 4, "step", 1, 0.0, 0.1, [3, 5])
    found = [config.schedule(4)(step) for step in range(24)]
    assert found == [expected(step) for step in range(24)]


def test_a_smoke_run_ends_after_an_epoch_and_keeps_its_files_apart(tmp_path):
    config = dataclasses.replace(TrainConfig(), smoke=True, save_dir="x", logging_file="y")
    config = config.within(str(tmp_path))
    assert config.last_epoch == 1
    assert config.save_dir.startswith(str(tmp_path))
    assert config.logging_dir.startswith(str(tmp_path))
    assert (config.logging_file, config.discard) == (None, True)
