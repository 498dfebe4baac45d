"""Every published run's recipe beside the settings that its log printed, field by field."""

import re

import pytest

from aff.cli.recipes import resolve
from aff.models.registry import full_arguments
from aff.paper.recipes import RECIPES, log_settings

LOGGED = [recipe for recipe in RECIPES.values() if recipe.logged]
YES = {"True": True, "False": False}


def number(text):
    return float(text)


def network(key):
    """The network's argument of a name, with its usual value where the recipe does not give it."""
    return lambda config: full_arguments(config["model"], config["model_kwargs"])[key]


def setting(key):
    return lambda config: config[key]


def depth(config):
    return int(re.search(r"[a-z](\d+)", config["model"])[1])


#: What a log calls a field, to how its text reads and where the recipe's settings have it.
HELD = {
    **{
        key: (number, setting(key))
        for key in (
            *("batch_size", "num_epochs", "lr", "lr_decay", "lr_decay_period", "momentum", "wd"),
            *("warmup_lr", "mixup_alpha", "mixup_off_epoch", "input_size", "crop_ratio"),
            *("temperature", "hard_weight"),
        )
    },
    **{key: (YES.get, setting(key)) for key in ("no_wd", "mixup", "use_rec")},
    "label_smoothing": ({"True": 0.1, "False": 0}.get, setting("label_smoothing")),
    **{key: (str, setting(key)) for key in ("dtype", "mode", "dataset", "lr_mode")},
    "teacher": ({"None": None}.get, setting("teacher")),
    "cosine": ({"True": "cosine", "False": "step"}.get, setting("lr_mode")),
    "warmup_epochs": (number, setting("warmup_epochs")),
    "lr_decay_epoch": (lambda text: [int(e) for e in text.split(",")], setting("lr_decay_epoch")),
    "num_gpus": (number, lambda c: c["global_batch_size"] / c["batch_size"]),
    "gpus": (
        lambda text: len(text.split(",")),
        lambda c: c["global_batch_size"] / c["batch_size"],
    ),
    "auto_aug": (YES.get, setting("auto_aug")),
    "askc_type": (str, network("fusion")),
    "deep_stem": (YES.get, network("deep_stem")),
    "start_layer": (number, network("start_layer")),
    "channel_times": (
        number,
        lambda c: full_arguments(c["model"], c["model_kwargs"]).get("channel_times"),
    ),
    "last_gamma": (YES.get, lambda c: c["model_kwargs"].get("last_gamma", False)),
    "use_se": (YES.get, lambda c: c["model_kwargs"].get("use_se", False)),
    "blocks": (number, lambda c: (depth(c) - 2) / (9 if "resnext" in c["model"] else 6)),
    "num_layer": (number, depth),
    "model": (lambda text: re.match("[a-z]+", text)[0], lambda c: FAMILY.search(c["model"])[0]),
}
FAMILY = re.compile("resnext|resnet")

#: Fields of which the published code made nothing, or nothing that a recipe could say.
NOT_HELD = {
    "r": "reached no network: bottlenecks have 16, other blocks 4, whatever it says",
    **dict.fromkeys(
        ("batch_norm", "use_gn", "use_pretrained", "scenario", "drop_rate"), "did nothing"
    ),
    "summary": "was printed, then ignored by a run",
    **dict.fromkeys(
        ("logging_dir", "logging_file", "save_dir", "save_plot_dir", "save_frequency"),
        "a place, or how often it is written to",
    ),
    **dict.fromkeys(("save_period", "log_interval", "num_workers"), "changes no result"),
    **dict.fromkeys(
        ("resume_params", "resume_states", "resume_epoch", "resume_from"),
        "went on from files that were not published; `aff recipes` says which",
    ),
}


def _imagenet_2(recipe):
    return recipe.record.generation == 2 and recipe.record.dataset == "imagenet"


def _warm_up_cut_off(recipe):
    logged = recipe.logged
    return recipe.record.generation == 2 and logged.get("cosine") == "False"


#: Fields that are held, but for some runs: which, why, and what those recipes say instead.
EXCEPT = {
    "auto_aug": (
        _imagenet_2,
        "did nothing to the .rec files that were read",
        lambda config, logged: config["auto_aug"] is False,
    ),
    "warmup_epochs": (
        _warm_up_cut_off,
        "generation 2 warmed up under the cosine alone",
        lambda config, logged: config["warmup_epochs"] == 0,
    ),
    "lr_decay_epoch": (
        _warm_up_cut_off,
        "generation 2 took the warm-up's epochs off, which it then did not do",
        lambda config, logged: (
            config["lr_decay_epoch"]
            == [int(e) - int(logged["warmup_epochs"]) for e in logged["lr_decay_epoch"].split(",")]
        ),
    ),
    "channel_times": (
        lambda recipe: "resnext" in recipe.record.model,
        "a ResNeXt's widths are its name's",
        lambda config, logged: "channel_times" not in config["model_kwargs"],
    ),
    "blocks": (
        lambda recipe: recipe.record.generation == 1 and "resnext" in recipe.record.model,
        "generation 1's ResNeXts took their depth from --model",
        lambda config, logged: logged["blocks"] == "1",
    ),
}


@pytest.mark.parametrize("recipe", LOGGED, ids=lambda recipe: recipe.name)
def test_settings_are_the_logs(recipe):
    config = resolve(recipe.command)
    for key, text in recipe.logged.items():
        if key in NOT_HELD:
            continue
        read, find = HELD[key]
        excepted, _, instead = EXCEPT.get(key, (lambda recipe: False, "", None))
        if excepted(recipe):
            assert find(config) != read(text), f"{key} need not be excepted"
            assert instead(config, recipe.logged), key
        else:
            assert find(config) == read(text), key


def test_what_is_not_held_is_in_the_logs():
    printed = {key for recipe in LOGGED for key in recipe.logged}
    assert set(NOT_HELD) <= printed
    assert printed == set(NOT_HELD) | set(HELD)
    assert set(EXCEPT) <= set(HELD)


def test_every_log_is_a_recipes():
    assert {recipe.record.log_settings for recipe in LOGGED} == set(log_settings())
    assert {recipe.name for recipe in RECIPES.values() if not recipe.logged} == {
        name for name, recipe in RECIPES.items() if recipe.record.ours
    }


def test_a_start_that_was_given_up_is_not_the_run():
    """The run from scratch whose log holds four starts: its curve is the first's."""
    recipe = RECIPES["gen2_cifar100_coarse_aff_resnet32_from_scratch"]
    starts = log_settings()[recipe.record.log_settings]["starts"]
    assert [start["epochs"] for start in starts] == [[0, 525], [0, 0], [0, 4], [0, 639]]
    assert recipe.logged == starts[0]["settings"]
