"""The published runs as data: every command is one of the scripts', and names its network."""

import csv
import shlex
from statistics import median

import pytest

import aff
from aff.cli import recipes as recipes_command
from aff.cli.common.training import configure
from aff.cli.main import build_parser, main
from aff.models.records import RUNS, WEIGHTS
from aff.paper.recipes import RECIPES, find_recipe

from ..conftest import ROOT

EVERY = pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
#: Runs whose log ends before their last epoch.
BROKE_OFF = {"gen2_cifar100_coarse_aff_resnet32_from_scratch"}
KINDS = {"train_cifar.py": "cifar", "train_imagenet.py": "imagenet"}


def parsed(command):
    """The configuration that a command means."""
    script, *flags = shlex.split(command)
    kind = KINDS[script]
    return configure(kind, vars(build_parser(f"train-{kind}", script).parse_args(flags)))


def logged_rows(recipe):
    """The rows of a published curve; none of a run without one."""
    if not recipe.record.curve or recipe.record.ours:
        return []
    with open(f"{ROOT}/{recipe.record.log}", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_published_file_has_its_recipe():
    assert set(RECIPES) == set(RUNS)
    assert set(WEIGHTS) <= set(RUNS)


@EVERY
def test_commands_are_the_scripts_and_name_the_network(recipe):
    record = recipe.record
    for command in filter(None, (recipe.command, record.published)):
        config = parsed(command)
        assert config.model == record.model
        for key, value in record.kwargs.items():
            if key != "classes" or config.kind == "cifar":  # ImageNet's are counted
                assert config.model_kwargs[key] == value, key
    config = parsed(recipe.command)
    assert config.dataset == record.dataset
    if config.kind == "cifar":
        assert config.labels == record.label_set


@EVERY
def test_epochs_are_those_of_the_log(recipe):
    rows, epochs = logged_rows(recipe), parsed(recipe.command).num_epochs
    if recipe.logged:
        assert epochs == int(recipe.logged["num_epochs"])
    if recipe.name in BROKE_OFF:
        assert f"{len(rows)} of {epochs} epochs" in recipe.record.really
    elif rows:
        assert epochs == int(rows[-1]["epoch"]) + 1


@EVERY
def test_what_a_run_took_is_its_logs(recipe):
    record, rows = recipe.record, logged_rows(recipe)
    text = recipes_command.describe(recipe)
    assert (" hours on " in text) == bool(rows)
    if rows:
        hours = sum(float(row["epoch_seconds"]) for row in rows) / 3600
        assert record.log_facts["hours"] == pytest.approx(hours, abs=0.05)
        errors = {int(row["epoch"]): float(row["val_top1_error"]) for row in rows}
        best, last = record.log_facts["best_epoch"], max(errors)
        assert errors[best] == min(errors.values())
        for part in (
            f"epochs {min(errors)} to {last} in {hours:.1f} hours on ",
            f"{100 * errors[best]:.2f} % at its best, epoch {best}; {100 * errors[last]:.2f} % in",
        ):
            assert part in " ".join(text.split())


@EVERY
def test_mixup_ends_where_the_log_shows_it(recipe):
    """The training error falls at once where images are no longer mixed."""
    late = [row for row in logged_rows(recipe) if int(row["epoch"]) >= 100]
    if not late:
        return
    ratios = {
        int(row["epoch"]): float(row["train_value"]) / float(before["train_value"])
        for before, row in zip(late, late[1:])
        if row["train_metric"] == "rmse"
    }
    config = parsed(recipe.command)
    if recipe.name in BROKE_OFF:
        assert max(ratios) < config.num_epochs - config.mixup_off_epoch
    elif config.mixup and config.mixup_off_epoch:
        assert min(ratios, key=ratios.get) == config.num_epochs - config.mixup_off_epoch
    else:
        assert all(ratio > 0.97 for ratio in ratios.values())


@EVERY
def test_learning_rate_drops_where_the_log_shows_it(recipe):
    config, rows = parsed(recipe.command), logged_rows(recipe)
    if config.kind != "cifar" or config.lr_mode == "cosine" or not rows:
        return
    errors = [float(row["val_top1_error"]) for row in rows]
    first = config.lr_decay_epoch[0]
    drops = {e: median(errors[e : e + 5]) / median(errors[e - 5 : e]) for e in range(250, 375)}
    assert drops[first] < 0.85
    assert abs(min(drops, key=drops.get) - first) <= 2


@EVERY
def test_what_differs_is_said(recipe):
    record = recipe.record
    text = recipes_command.describe(recipe)
    if record.published and record.published != recipe.command:
        assert record.really or recipes_command.differences(record)
    for part in (recipe.command, recipes_command.reported(recipe)):
        assert part in text
    if recipe.name in WEIGHTS:
        assert record.filename in text


def test_the_list(capsys):
    assert main(["recipes"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in RECIPES)
    assert main(["recipes", "aff_resnet50"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "160 epochs at 2 x 120, not 180 at 2 x 128" in text
    assert "generation 1): AFF-ResNet-50, 30.3M" in text
    assert main(["recipes", "globglob_resnet50"]) == 0
    assert "Table 3: accuracy by the contexts" in capsys.readouterr().out


def test_a_misspelt_recipe(capsys):
    assert main(["recipes", "aff_resnet5"]) == 2
    assert "did you mean 'aff_resnet50'" in capsys.readouterr().err
    with pytest.raises(aff.InputError, match="unknown recipe"):
        find_recipe("nothing")


def test_train_prints_the_command(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    record = RECIPES["aff_resnet50"].record
    assert main(["train", "aff_resnet50", "--print"]) == 0
    assert capsys.readouterr().out == f"python {record.command}\n"
    assert main(["train", "aff_resnet50", "--print", "--as-published"]) == 0
    assert capsys.readouterr().out == f"python {record.published}\n"
    assert main(["train", "aff_resnet50", "--print", "--", "--smoke"]) == 0
    assert capsys.readouterr().out == f"python {record.command} --smoke\n"
    assert main(["train", "cifar10_aff_resnet32", "--print", "--as-published"]) == 2
    assert "--as-published" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, flags, gone",
    [
        ("aff_resnet50", "--num-gpus 4", "--num-gpus 2"),
        ("aff_resnet50", "--num-gpus=4 --batch-size=60", "--num-gpus 2 --batch-size 120"),
        ("aff_resnet50", "--gpus ''", "--num-gpus 2"),
        ("aff_resnet50", "--no-mixup --fusion iAFF", "--mixup --askc-type ASKCFuse"),
        ("cifar100_coarse_aff_resnet32", "--num-gpus 4", "--gpus 0"),
        ("cifar100_coarse_aff_resnet32", "--cpus 2", "--gpus 0"),
        ("cifar100_coarse_aff_resnet32", "--num-gpus 2 --gpus 0,1", "--gpus 0"),
        ("gen2_cifar100_fine_aff_resnet32", "--lr-mode cosine --no-mixup", "--mixup"),
        ("gen2_cifar100_coarse_aff_resnet32", "--lr-mode step", "--cosine"),
    ],
)
def test_flags_take_the_place_of_the_recipes_of_the_same_setting(name, flags, gone, capsys):
    assert main(["train", name, "--print", *shlex.split(flags)]) == 0
    script, *words = shlex.split(capsys.readouterr().out.replace("python ", ""))
    given, taken = shlex.split(flags), shlex.split(gone)
    assert words[-len(given) :] == given
    recipe = RECIPES[name].flags
    assert sorted(words[: -len(given)] + taken) == sorted(recipe)
    kept = parsed(shlex.join([script, *words]))  # which refuses contradictions
    assert kept.num_epochs == parsed(RECIPES[name].command).num_epochs


@pytest.mark.parametrize("way", ["--print", "--summary"])
@pytest.mark.parametrize(
    "name, part",
    [
        ("aff_resnet50", ""),
        ("aff_resnet50_nomixup", "--resume-params FILE --resume-epoch 65"),
        ("gen2_cifar100_coarse_aff_resnet32", "aff_resnet32_from_scratch, not published"),
    ],
)
def test_train_says_what_a_run_went_on_from(name, part, way, capsys):
    assert main(["train", name, way]) == 0
    told = capsys.readouterr().err
    assert part in told and told.count("\n") == bool(part)
    assert main(["train", name, "--print", "--resume-from", "FILE"]) == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize("name", ["aff_resnet50", "cifar10_aff_resnet32"])
def test_outside_of_a_clone_commands_are_those_of_aff(name, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["train", name, "--print", "--seed", "3"]) == 0
    call = capsys.readouterr().out.strip()
    script, _, flags = RECIPES[name].command.partition(" ")
    assert call == f"aff train-{KINDS[script]} {flags} --seed 3"
    assert build_parser(call.split()[1]).parse_args(call.split()[2:])
    assert main(["recipes", name]) == 0
    assert f"aff train-{KINDS[script]} {flags}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, commands",
    [
        (["--dataset", "digits"], {"train-cifar"}),
        (["--use-rec"], {"train-imagenet"}),
        (["--lr", "1"], {"train-cifar", "train-imagenet"}),
        ([], {"train-cifar", "train-imagenet"}),
    ],
)
def test_who_wants_a_run_of_their_own_is_led_to_it(arguments, commands, capsys):
    with pytest.raises(SystemExit):
        main(["train", *arguments])
    error = capsys.readouterr().err
    assert "aff recipes" in error and error.count("\n") == 1
    assert {
        name for name in ("train-cifar", "train-imagenet") if f"aff {name}" in error
    } == commands


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
        main(["train", *arguments])
    assert finished.value.code == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert not captured.out
