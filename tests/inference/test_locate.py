"""One way to name parameters, for every command: a NAME, a file, a run's folder; and by what a file
is known.
"""

import json
import os
import pathlib
import shutil

import mxnet as mx
import pytest

import aff
from aff.inference.locate import called, find_file, known_of
from aff.inference.spec import find_spec, source_of
from aff.models.parameters import save_parameters
from aff.models.records import WEIGHTS

from ..conftest import ROOT

OWN = "fashion_mnist_aff_resnet8"
PUBLISHED = os.path.join(ROOT, "params", f"{OWN}.params")
SETTINGS = {
    "model": {"name": "cifar_resnet8_askc", "kwargs": {"fusion": "DirectAdd", "classes": 10}},
    "data": {"dataset": "digits"},
}


@pytest.fixture
def run(tmp_path):
    """The folder of a run, with its best parameters and a checkpoint."""
    (tmp_path / "run" / "checkpoint-0003").mkdir(parents=True)
    net = aff.get_model("cifar_resnet8_askc", fusion="Add", classes=10, ctx=mx.cpu())
    for name in ("best.params", "checkpoint-0003/net.params", "checkpoint-0003/best.params"):
        save_parameters(net, str(tmp_path / "run" / name))
    (tmp_path / "run" / "checkpoint-0003" / "state.json").write_text("{}")
    (tmp_path / "run" / "settings.json").write_text(json.dumps(SETTINGS))
    return tmp_path / "run"


def test_a_name_a_file_and_a_runs_folder(run):
    assert find_file(OWN) is None
    assert find_file(PUBLISHED) == PUBLISHED
    assert find_file(str(run)) == str(run / "best.params")
    assert find_file(str(run / "checkpoint-0003")) == str(run / "checkpoint-0003" / "net.params")
    for source in (
        run,
        run / "best.params",
        run / "checkpoint-0003",
        run / "checkpoint-0003/net.params",
    ):
        spec = find_spec(str(source))
        assert (spec.model, spec.kwargs["fusion"]) == ("cifar_resnet8_askc", "DirectAdd")
        assert spec.found_by == str(run / "settings.json")
        assert spec.class_names == list("0123456789")


def test_networks_are_called_by_their_runs(run):
    names = {
        "": "run",
        "best.params": "run",
        "best-ema.params": "run-best-ema",
        "epoch-0007.params": "run-epoch-0007",
        "mine.params": "mine",
        "net.params": "net",
        "checkpoint-0003": "run-checkpoint-0003",
        "checkpoint-0003/net.params": "run-checkpoint-0003",
        "checkpoint-0003/best.params": "run-checkpoint-0003-best",
    }
    for file in ("best-ema", "epoch-0007", "mine", "net"):
        shutil.copyfile(run / "best.params", run / f"{file}.params")
    for source, name in names.items():
        described = source_of(find_spec(str(run / source)))
        assert described.name == name.replace("-", "_")
        assert called(find_spec(str(run / source)).params) == name


def test_a_published_file_of_any_name_is_known_by_its_hash(tmp_path):
    path = str(tmp_path / "it.bin")
    shutil.copyfile(PUBLISHED, path)
    by_name, by_hash = find_spec(OWN, os.path.join(ROOT, "params")), find_spec(path, None, {})
    for key in ("model", "kwargs", "dataset", "labels", "dtype", "class_names"):
        assert getattr(by_name, key) == getattr(by_hash, key)
    assert by_hash.params == path and by_hash.weights is None
    assert OWN in by_hash.found_by and by_name.found_by == "its name"


def test_settings_and_flags_win_over_a_hash(run):
    shutil.copyfile(PUBLISHED, run / "best.params")
    assert find_spec(str(run)).dataset == "digits"
    (run / "settings.json").unlink()
    assert find_spec(str(run)).dataset == "fashion-mnist"
    flags = {"model": "resnet", "blocks": 1, "fusion": "Add", "dataset": "digits"}
    spec = find_spec(str(run), None, flags)
    assert (spec.kwargs["fusion"], spec.found_by) == ("DirectAdd", "flags")


def test_one_changed_byte_is_no_published_file(tmp_path):
    content = bytearray(pathlib.Path(PUBLISHED).read_bytes())
    content[-1] ^= 1
    (tmp_path / "it.params").write_bytes(content)
    assert not known_of(str(tmp_path / "it.params")).model
    with pytest.raises(aff.InputError, match=r"it\.params: nothing says which network"):
        find_spec(str(tmp_path / "it.params"))


@pytest.mark.parametrize(
    "source, named",
    [
        ("fashion_mnist_aff_resnet9", f"did you mean '{OWN}'"),
        ("none.params", "none.params: no such file"),
        ("none/best", "none/best: no such file"),
        ("none-symbol.json", "none-symbol.json: no such file"),
        (".", "holds no best.params"),
    ],
)
def test_what_names_nothing_is_said_in_one_line(source, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(aff.InputError) as error:
        find_spec(source, None, {})
    assert named in str(error.value) and "\n" not in str(error.value)


def test_every_published_file_has_a_hash_of_its_own():
    assert len({record.sha1 for record in WEIGHTS.values()}) == len(WEIGHTS)
