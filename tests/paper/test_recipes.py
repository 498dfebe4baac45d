"""The published runs as data: every command is one of the scripts', and names its network."""

import csv
from statistics import median

import pytest

import aff
from aff.cli import recipes as recipes_command
from aff.cli import train, train_cifar, train_imagenet
from aff.cli.cifar_settings import CifarSettings
from aff.cli.imagenet_settings import ImageNetSettings
from aff.models.factory import resolve_model
from aff.models.weights import WEIGHTS
from aff.paper.recipes import CIFAR, RECIPES, find_recipe

from ..conftest import ROOT

EVERY = pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)


def parsed(command):
    script, *flags = command.split()
    module = train_cifar if script == CIFAR else train_imagenet
    return module.build_parser(script).parse_args(flags)


def test_every_published_file_has_its_recipe():
    assert set(RECIPES) == set(WEIGHTS)


@EVERY
def test_commands_are_the_scripts_and_name_the_network(recipe):
    record = recipe.record
    for command in filter(None, (recipe.command, recipe.published)):
        options = parsed(command)
        settings = (
            CifarSettings.from_options(options, "")
            if recipe.script == CIFAR
            else ImageNetSettings.from_options(options, "", 1000)
        )
        name, kwargs = resolve_model(recipe.name)
        assert settings.model == name
        for key, value in kwargs.items():
            assert settings.model_kwargs[key] == value, key
    if recipe.script == CIFAR:
        options = parsed(recipe.command)
        assert (options.dataset, options.labels or record.label_set) == (
            record.dataset,
            record.label_set,
        )


@EVERY
def test_epochs_are_those_of_the_log(recipe):
    if recipe.record.curve and not recipe.record.ours:
        with open(f"{ROOT}/logs/published/{recipe.record.curve}.csv", encoding="utf-8") as file:
            last = int(file.read().split("\n")[-2].split(",")[0])
        assert parsed(recipe.command).num_epochs == last + 1


@EVERY
def test_mixup_ends_where_the_log_shows_it(recipe):
    """The training error falls at once where images are no longer mixed."""
    if not recipe.record.curve or recipe.record.ours:
        return
    with open(f"{ROOT}/logs/published/{recipe.record.curve}.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    late = [row for row in rows if int(row["epoch"]) >= 100]
    ratios = {
        int(row["epoch"]): float(row["train_value"]) / float(before["train_value"])
        for before, row in zip(late, late[1:])
        if row["train_metric"] == "rmse"
    }
    options = parsed(recipe.command)
    if options.mixup_off_epoch:
        assert min(ratios, key=ratios.get) == options.num_epochs - options.mixup_off_epoch
    else:
        assert all(ratio > 0.97 for ratio in ratios.values())


@EVERY
def test_learning_rate_drops_where_the_log_shows_it(recipe):
    options = parsed(recipe.command)
    if recipe.script != CIFAR or options.cosine or not recipe.record.curve or recipe.record.ours:
        return
    with open(f"{ROOT}/logs/published/{recipe.record.curve}.csv", encoding="utf-8") as file:
        errors = [float(row["val_top1_error"]) for row in csv.DictReader(file)]
    first = options.lr_decay_epoch[0]
    drops = {e: median(errors[e : e + 5]) / median(errors[e - 5 : e]) for e in range(250, 375)}
    assert drops[first] < 0.85
    assert abs(min(drops, key=drops.get) - first) <= 2


def test_the_six_published_commands_are_the_readmes():
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        readme = file.read()
    published = [recipe.published for recipe in RECIPES.values() if recipe.published]
    assert len(published) == 6
    for command in published:
        assert f"\npython {command}\n" in readme


@EVERY
def test_what_differs_is_said(recipe):
    if recipe.published and recipe.published != recipe.command:
        assert recipe.really
    if not recipe.published:
        assert recipe.unsaid
    text = recipes_command.describe(recipe)
    for part in (recipe.command, recipe.record.filename, recipes_command.reported(recipe)):
        assert part in text


def test_the_list(capsys):
    assert recipes_command.main([]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in RECIPES)
    assert recipes_command.main(["aff_resnet50"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "its log: 160 epochs at 2 x 120, not 180 at 2 x 128" in text
    assert "generation 1): AFF-ResNet-50, 30.3M" in text
    assert recipes_command.main(["globglob_resnet50"]) == 0
    assert "Table 3: accuracy by the contexts" in capsys.readouterr().out


def test_a_misspelt_recipe(capsys):
    assert recipes_command.main(["aff_resnet5"]) == 2
    assert "did you mean 'aff_resnet50'" in capsys.readouterr().err
    with pytest.raises(aff.InputError, match="unknown recipe"):
        find_recipe("nothing")


def test_train_prints_the_command(capsys):
    assert train.main(["aff_resnet50", "--print", "--num-gpus", "4"]) == 0
    expected = f"python {RECIPES['aff_resnet50'].command} --num-gpus 4\n"
    assert capsys.readouterr().out == expected
    assert train.main(["aff_resnet50", "--print", "--as-published"]) == 0
    assert capsys.readouterr().out == f"python {RECIPES['aff_resnet50'].published}\n"
    assert train.main(["aff_resnet50", "--print", "--", "--smoke"]) == 0
    assert capsys.readouterr().out == f"python {RECIPES['aff_resnet50'].command} --smoke\n"
    assert train.main(["cifar10_aff_resnet32", "--print", "--as-published"]) == 2
    assert "was not published: leave" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--num-gpus", "4", "aff_resnet50"], "--num-gpus: give the NAME of the run first"),
        (["aff_resnet50", "--print", "--bogus", "a b"], "unrecognized arguments: --bogus"),
        (["aff_resnet50", "--print", "other"], "unrecognized arguments: other"),
    ],
)
def test_train_prints_no_command_that_cannot_be_run(arguments, message, capsys):
    with pytest.raises(SystemExit) as finished:
        train.main(arguments)
    assert finished.value.code == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert not captured.out
