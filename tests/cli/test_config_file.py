"""``--config FILE``: a run that starts from the settings of another; what such a file may say."""

import json
import shlex
from dataclasses import asdict, replace

import pytest

from aff.training.config import TrainConfig

from ..conftest import ROOT
from .conftest import config_of, exit_code, train, train_imagenet

BEFORE = f"{ROOT}/tests/before/imagenet_settings.json"
#: Where a run went, what it went on from, and the command that it was.
OWN = {
    "command": "train_cifar.py",
    "save_dir": "x",
    "logging_dir": "y",
    "resume": "auto",
    "resume_changed": True,
    "resume_params": "p",
    "resume_states": "s",
    "resume_epoch": 3,
    "discard": True,
}


def training_of(folder):
    """The settings that a run's folder keeps."""
    return json.loads((folder / "settings.json").read_text())["training"]


def write(path, values):
    """Write settings as a run keeps them."""
    path.write_text(json.dumps({"training": values}))
    return path


def fields_of(config):
    """The settings but for the command."""
    return {**asdict(config), "command": ""}


@pytest.fixture(scope="module")
def first(small, tmp_path_factory):
    """A run of ``train_cifar.py``."""
    folder = tmp_path_factory.mktemp("first")
    flags = "--fusion DirectAdd --batch-size 20 --num-epochs 1 --lr 0.05 --no-mixup --cosine"
    assert train(f"{small} {flags} --save-dir {folder}/run --logging-dir {folder}/log") == 0
    return folder / "run"


def test_the_same_run_again(first, elsewhere):
    assert train("--config", first / "settings.json") == 0
    again = elsewhere / "params" / "cifar10-resnet8-DirectAdd"
    assert (again / "best.params").read_bytes() == (first / "best.params").read_bytes()
    one, other = training_of(first), training_of(again)
    assert {key for key in one if one[key] != other[key]} == {"command", "save_dir", "logging_dir"}


def test_flags_beside_it_win(first, elsewhere):
    flags = "--lr 0.01 --fusion iAFF --blocks 2 --warmup-epochs 1 --save-dir new"
    assert train(f"--config {first}/settings.json {flags}") == 0
    one, other = training_of(first), training_of(elsewhere / "new")
    changed = {key: other[key] for key in one if one[key] != other[key]}
    assert changed.pop("model_kwargs")["fusion"] == "ResGlobLocaforGlobLocaCha"
    assert (changed.pop("model"), changed.pop("lr")) == ("cifar_resnet14_askc", 0.01)
    assert changed.pop("warmup_epochs") == 1
    changed.pop("form", None)  # only AFF and iAFF have several
    assert set(changed) == {"command", "save_dir", "logging_dir"}


@pytest.mark.parametrize(
    "file, flags, found",
    [
        (
            {"use_rec": True, "rec_train": "a.rec", "rec_train_idx": "a.idx", "rec_val": "b.rec"},
            "--data-dir images",
            {"data_dir": "images", "use_rec": False, "rec_train": "", "rec_train_idx": ""},
        ),
        ({"data_dir": "images"}, "--use-rec", {"use_rec": True, "data_dir": None}),
        ({"auto_aug": True}, "--rand-aug 2 9", {"auto_aug": False, "rand_aug": [2, 9]}),
        ({"rand_aug": [2, 9]}, "--auto-aug", {"auto_aug": True, "rand_aug": []}),
    ],
)
def test_a_flag_takes_the_place_of_its_rival(file, flags, found, tmp_path):
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"dataset": "imagenet", **file}))
    config = config_of("imagenet", ["--config", path, *flags.split()])
    assert {key: getattr(config, key) or value for key, value in found.items()} == found
    assert {key: bool(getattr(config, key)) for key in found} == {k: bool(found[k]) for k in found}


def test_a_run_written_before_the_move_starts_one(records, photos, elsewhere):
    machine = "--num-gpus 0 --dtype float32 --cpus 1 -j 1 --input-size 64 --batch-size 4"
    shorter = f"{photos} {records} --num-epochs 1 --warmup-epochs 0 --lr 0.001"
    assert train_imagenet(f"--config {BEFORE} {machine} {shorter} --save-dir new") == 0
    found = training_of(elsewhere / "new")
    assert (found["lr_mode"], found["mixup"], found["mixup_alpha"]) == ("cosine", True, 0.2)
    assert found["no_wd"] is True
    assert found["label_smoothing"] == 0.1
    assert found["logging_file"] is None
    assert sorted(path.name for path in elsewhere.iterdir()) == ["logs", "new"]


def test_all_that_was_written_before_the_move_is_understood():
    with open(BEFORE, encoding="utf-8") as file:
        training = json.load(file)["training"]
    config = config_of("imagenet", ["--config", BEFORE])
    same_command = config_of("imagenet", shlex.split(training["command"])[1:])
    own = {"save_dir": None, "logging_file": None}
    assert fields_of(config) == {**fields_of(same_command), **own}


@pytest.mark.parametrize("data", ["cifar", "imagenet"])
def test_every_setting_is_taken_over_but_for_where_a_run_went(data, tmp_path):
    other = {"val_split": 0.25} if data == "cifar" else {"use_rec": True}
    other.update(num_epochs=7, lr_mode="cosine", no_wd=True, seed=5, save_period=3, fusion="iAFF")
    config = TrainConfig.from_args(other, data)
    own = {**OWN, "logging_file": "l"} if data == "imagenet" else OWN
    path = write(tmp_path / "settings.json", replace(config, **own).as_dict())
    assert fields_of(config_of(data, ["--config", path])) == fields_of(config)


def test_yaml(tmp_path):
    pytest.importorskip("yaml")
    path = tmp_path / "run.yaml"
    path.write_text(
        "dataset: digits\nmodel: resnet\nblocks: 2\nchannel_times: 1\nfusion: iAFF\n"
        "num_epochs: 20\nlr: 0.05\nlr_decay_epoch: [4, 8]\nmixup: false\nseed: 4\n"
    )
    flags = "--dataset digits --blocks 2 --channel-times 1 --fusion iAFF --num-epochs 20 "
    flags += "--lr 0.05 --lr-decay-epoch 4,8 --no-mixup --seed 4"
    expected = config_of("cifar", flags.split())
    assert fields_of(config_of("cifar", ["--config", path])) == fields_of(expected)
    found = config_of("cifar", ["--config", path, "--fusion", "Add", "--seed", 5])
    assert (found.model_kwargs["fusion"], found.seed) == ("DirectAdd", 5)
    assert (found.num_epochs, found.model) == (20, "cifar_resnet14_askc")


@pytest.mark.parametrize(
    "values, named",
    [
        ({"leraning_rate": 1}, "leraning_rate"),
        ({"lr": "fast"}, "lr"),
        ({"lr": -1}, "lr"),
        ({"num_epochs": 2.5}, "num_epochs"),
        ({"num_epochs": True}, "num_epochs"),
        ({"no_wd": "yes"}, "no_wd"),
        ({"mode": "fast"}, "mode"),
        ({"seed": None}, "seed"),
        ({"dataset": "mnist"}, "mnist"),
        ({"model": "resnett"}, "resnett"),
        ({"fusion": "AFG"}, "AFG"),
        ({"model_kwargs": 3}, "model_kwargs"),
        ({"warmup_epochs": 500}, "--warmup-epochs"),
        ([], "settings"),
    ],
)
def test_what_a_file_may_not_say(values, named, elsewhere, capsys):
    path = write(elsewhere / "settings.json", values)
    assert exit_code(["train-cifar", "--config", path]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert [path.name for path in elsewhere.iterdir()] == ["settings.json"]


def test_an_unknown_key_is_refused_by_both_scripts_and_in_yaml(elsewhere, capsys):
    pytest.importorskip("yaml")
    (elsewhere / "run.yml").write_text("dataset: digits\nbatch-size: 3\n")
    assert exit_code(["train-cifar", "--config", "run.yml"]) == 2
    error = capsys.readouterr().err
    assert "run.yml" in error and "'batch-size'" in error and "did you mean 'batch_size'" in error
    write(elsewhere / "settings.json", {"dataset": "imagenet", "input_sise": 64})
    assert exit_code(["train-imagenet", "--config", "settings.json"]) == 2
    error = capsys.readouterr().err
    assert "settings.json" in error and "'input_sise'" in error


@pytest.mark.parametrize("content", [None, "", "{", "[]", "7", "\udcff"])
@pytest.mark.parametrize("name", ["x.json", "x.yaml"])
def test_files_that_are_no_settings(name, content, elsewhere, capsys):
    if content is not None:
        (elsewhere / name).write_bytes(content.encode(errors="surrogateescape"))
    assert exit_code(["train-cifar", "--config", name]) == 2
    error = capsys.readouterr().err
    assert name in error
    assert error.count("\n") == 1


def test_settings_of_the_other_script_are_refused(first, elsewhere, capsys):
    assert train_imagenet("--config", first / "settings.json") == 2
    assert "settings.json" in capsys.readouterr().err
    assert train("--config", BEFORE) == 2
    error = capsys.readouterr().err
    assert "imagenet_settings.json" in error and "imagenet" in error
    assert not list(elsewhere.iterdir())


def test_a_recipes_settings_are_such_a_file(elsewhere, capsys):
    assert exit_code(["recipes", "aff_resnet50", "--json"]) == 0
    (elsewhere / "recipe.json").write_text(capsys.readouterr().out)
    config = config_of("imagenet", ["--config", "recipe.json"])
    assert (config.num_epochs, config.batch_size, config.num_gpus) == (160, 120, 2)
