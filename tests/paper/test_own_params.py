"""The experiment's committed logs, and the parameters that come with this repository: from the runs
that they are said to be from, the best of their seeds, and as good as they are said to be.
"""

import glob
import os
import re
import shutil

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.cli.common.training import configure
from aff.cli.main import build_parser, main
from aff.data.datasets.fashion_mnist import DEBIAN_FOLDER
from aff.models.records import WEIGHTS
from aff.models.weights import fetch, verify
from aff.paper.experiment import EXPERIMENTS
from aff.paper.hosts import SCENES
from aff.paper.outcome import outcome
from aff.paper.recipes import RECIPES
from aff.training.logger import read_events
from aff.training.settings_file import upgraded

from ..cli.conftest import COMMANDS
from ..conftest import ROOT, assert_one_line_error, run_python

OWN = [record for record in WEIGHTS.values() if record.ours]
EVERY = pytest.mark.parametrize("record", OWN, ids=lambda record: record.name)
#: What a run's place and machine are, and not what it computes.
AROUND = {"command", "save_dir", "logging_dir", "resume", "gpus", "num_workers", "devices"}
#: What a run found, beside its settings.
FOUND = {"images", "sums", "form"}


def trained(flags, kind="cifar"):
    """Settings that flags of a training command give, without those of the place."""
    config = configure(kind, vars(build_parser(COMMANDS[kind]).parse_args(flags)))
    if kind == "segmentation":  # whose sets say the classes
        config = config.for_classes(SCENES.classes)
    return {key: value for key, value in config.as_dict().items() if key not in AROUND}


def logged(folder):
    """The same of a run's log, as far as it knew of them."""
    start = read_events(f"{ROOT}/logs/{folder}")[0]["training"]
    return {key: value for key, value in upgraded(start).items() if key not in AROUND | FOUND}


def assert_what_was_run(flags, folder, kind="cifar"):
    """The flags say what the log says, and what the log did not know yet is as usual."""
    said, known, usual = trained(flags, kind), logged(folder), trained([], kind)
    assert {key: said[key] for key in known} == known
    assert {key for key in said if key not in known and said[key] != usual[key]} == set()


@pytest.mark.parametrize("name", ["ablation", "tenth", "scenes"])
def test_the_logs_are_of_ended_runs_of_the_grid_and_its_one_schedule(name):
    for cell in EXPERIMENTS[name].cells():
        host, folder = cell.host, f"{name}/{cell.name}"
        assert outcome(f"{ROOT}/logs/{folder}", host), cell.name
        kind = next(kind for kind, command in COMMANDS.items() if command == host.command)
        assert_what_was_run([*cell.settings, *host.data(None)], folder, kind)


def test_there_are_addition_aff_and_iaff():
    fusions = [record.kwargs["fusion"] for record in OWN]
    assert fusions == ["DirectAdd", "ASKCFuse", "ResGlobLocaforGlobLocaCha"]


@EVERY
def test_the_file_is_the_tables_and_small(record):
    path = f"{ROOT}/params/{record.filename}"
    verify(record, path)
    assert os.path.getsize(path) < 2**20


@EVERY
def test_the_score_is_the_runs_and_the_run_the_best_by_the_held_out_part(record):
    seeds = glob.glob(f"{ROOT}/logs/{record.curve[:-1]}*")
    best = min(map(outcome, seeds), key=lambda run: run["val_error"])
    assert outcome(f"{ROOT}/logs/{record.curve}") == best
    assert record.value == best["test_error"]


@EVERY
def test_the_recipe_is_what_was_run(record):
    assert_what_was_run(RECIPES[record.name].flags, record.curve)


@pytest.mark.parametrize(
    "record",
    [
        record if record is OWN[0] else pytest.param(record, marks=pytest.mark.slow)
        for record in OWN
    ],
    ids=[record.name for record in OWN],
)
@pytest.mark.skipif(not os.path.isdir(DEBIAN_FOLDER), reason="needs Fashion-MNIST, which is real")
def test_the_reported_error_is_found_again_elsewhere(record, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", record.name, "--cpus", "1"]) == 0
    out = capsys.readouterr().out
    wrong = int(re.search(r"(\d+) of 10000 wrong", out).group(1))
    assert abs(wrong - round(1e4 * record.value)) <= 2  # another processor rounds otherwise
    assert f"published: top-1 error {100 * record.value:.2f} %, by the run of logs/" in out
    verify(record, f"params/{record.filename}")


def test_outputs_of_the_file_are_finite_and_not_the_initial_ones():
    name = "fashion_mnist_aff_resnet8"
    x = mx.nd.random.normal(shape=(4, 3, 28, 28))
    first, again = (aff.get_model(name, pretrained=True, root=f"{ROOT}/params")(x) for _ in "ab")
    np.testing.assert_array_equal(first.asnumpy(), again.asnumpy())
    assert np.isfinite(first.asnumpy()).all()
    assert abs(first - aff.get_model(name, ctx=mx.cpu())(x)).max().asscalar() > 0.1


def test_fetch_copies_and_mends(tmp_path):
    record = OWN[0]
    path = fetch(record.name, str(tmp_path))
    verify(record, path)
    with open(path, "ab") as file:
        file.write(b"x")
    with pytest.raises(aff.InputError, match="to fetch it: python -m aff fetch fashion_mnist_add"):
        aff.get_model(record.name, pretrained=True, root=str(tmp_path))
    fetch(record.name, str(tmp_path))
    verify(record, path)
    assert os.path.exists(f"{path}.refused")


def test_an_installation_without_the_file_says_where_it_is(tmp_path):
    shutil.copytree(f"{ROOT}/aff", tmp_path / "aff")
    (tmp_path / "elsewhere").mkdir()
    name = OWN[0].name
    finished = run_python(
        *("-m", "aff", "fetch", name), cwd=tmp_path / "elsewhere", PYTHONPATH=str(tmp_path)
    )
    assert_one_line_error(finished, f"{name}.params is not in this installation", "params/")
