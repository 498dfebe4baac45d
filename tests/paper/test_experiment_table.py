"""The table of an experiment: scores over seeds, differences to addition, what is missing."""

import json
import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel

import aff
from aff.cli.main import main
from aff.models.summary import measured
from aff.paper.experiment import EXPERIMENTS, Arm
from aff.paper.experiment_table import apart, experiment_table

from ..conftest import ROOT
from .test_tables import rows_of

EXPERIMENT = replace(EXPERIMENTS["ablation"], blocks=(1, 2), seeds=3)
SCENES = EXPERIMENTS["scenes"]
CELLS = EXPERIMENT.cells_of(Arm("ASKCFuse", 2), 1)
ADDITIONS = EXPERIMENT.cells_of(Arm("DirectAdd"), 1)


def write_cell(logs, cell, error, last=None):
    """The log of a run, of an epoch, or of two, the second worse."""
    folder = logs / cell.name
    folder.mkdir(parents=True)
    errors = {"val": error, "test": error + 0.01}
    settings = shlex.join(cell.settings)
    events = [
        {
            "event": "start",
            "training": {"command": f"aff {cell.host.command} {settings} --gpus ''"},
        },
        {
            "event": "epoch",
            "epoch": 0,
            "lr": 0.1,
            "train_loss": 1.0,
            "train_metric": "rmse",
            "train_value": 0.2,
            "top1_error": errors,
            "top5_error": errors,
            "images_per_sec": 100.0,
            "seconds": 5.0,
        },
        {"event": "end", "best_epoch": 0},
    ]
    if last is not None:
        scores = {"val": last, "test": last}
        events.insert(2, {**events[1], "epoch": 1, "top1_error": scores, "top5_error": scores})
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, events)))


def test_the_experiments_table(tmp_path):
    for seed, error in ((0, 0.10), (1, 0.12)):
        write_cell(tmp_path, CELLS[seed], error)
    table = experiment_table(EXPERIMENT, str(tmp_path))
    assert len(table.rows) == 8
    assert "ASKCFuse, r=2" in rows_of(experiment_table(EXPERIMENT, str(tmp_path), titles=False))
    row = rows_of(table)["AFF, r=2"]
    assert row["test error, b=1"] == "12.00 +- 1.41 (2 of 3 seeds)"
    assert (row["test error, b=2"], row["parameters, b=1"]) == ("-", "90,774")
    assert (row["images/s, b=1"], row["images/s, b=2"]) == ("100", "-")
    assert "46 of the runs are still to be made" in table.notes[0]
    write_cell(tmp_path, CELLS[2], 0.14)
    row = rows_of(experiment_table(EXPERIMENT, str(tmp_path)))["AFF, r=2"]
    assert row["test error, b=1"] == "13.00 +- 2.00"


def test_the_experiments_differences_are_of_the_same_seeds(tmp_path):
    """The interval is SciPy's, of a paired test."""
    errors = [(0.10, 0.11), (0.12, 0.115), (0.14, 0.16)]
    for seed, pair in enumerate(errors):
        write_cell(tmp_path, ADDITIONS[seed], pair[0])
        if seed:
            write_cell(tmp_path, CELLS[seed], pair[1])
    column = "more than Add, b=1"
    assert rows_of(experiment_table(EXPERIMENT, str(tmp_path)))["Add"][column] == ""
    (tmp_path / CELLS[0].name).mkdir()
    row = rows_of(experiment_table(EXPERIMENT, str(tmp_path)))["AFF, r=2"]
    assert row[column] == "+0.75 [-15.13, +16.63]"  # of seeds 1 and 2
    (tmp_path / CELLS[0].name).rmdir()
    write_cell(tmp_path, CELLS[0], errors[0][1])
    row = rows_of(experiment_table(EXPERIMENT, str(tmp_path)))["AFF, r=2"]
    added, fused = zip(*errors)
    interval = ttest_rel(fused, added).confidence_interval(0.95)
    assert row[column] == f"+0.83 [{100 * interval.low:+.2f}, {100 * interval.high:+.2f}]"


@given(st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=6, unique=True), max_size=6))
def test_what_is_apart_is_what_holms_adjusted_chances_say(drawn):
    """By SciPy's t-test, and by the adjusted chances of Holm's paper."""
    differences = {str(number): values for number, values in enumerate([*drawn, [1, 1.001]])}
    chances = np.array([ttest_1samp(values, 0).pvalue for values in differences.values()])
    order = np.argsort(chances)
    steps = chances[order] * np.arange(len(chances), 0, -1)
    adjusted = dict(zip(order, np.maximum.accumulate(steps)))
    if not any(abs(chance - 0.05) < 1e-9 for chance in adjusted.values()):
        assert apart(differences) == [n for n in differences if adjusted[int(n)] <= 0.05]


def test_what_is_apart_is_told(tmp_path):
    """A difference that is one on its own is none among three."""
    for seed, errors in enumerate([(0.1, 0.120, 0.2, 0.10), (0.1, 0.122, 0.3, 0.11)]):
        arms = [ADDITIONS[0].arm, Arm("SEFuse"), Arm("SKFuse"), Arm("ASKCFuse", 2)]
        for arm, error in zip(arms, errors):
            write_cell(tmp_path, EXPERIMENT.cells_of(arm, 1)[seed], error)
    for alone, told in ((False, "none"), (True, "SEFuse, b=1")):
        table = experiment_table(EXPERIMENT, str(tmp_path))
        assert f"these differ from Add: {told}." in table.notes[2]
        for arm in arms[2:]:
            for cell in EXPERIMENT.cells_of(arm, 1)[:2]:
                shutil.rmtree(tmp_path / cell.name, ignore_errors=alone)
    assert apart({"exactly": [0.5, 0.5], "not at all": [0.0, 0.0]}) == ["exactly"]


def test_differences_in_the_last_epoch_are_told_too(tmp_path):
    last = [(0.10, 0.12), (0.12, 0.141), (0.14, 0.159)]
    for seed, errors in enumerate(last):
        for cells, error in zip((ADDITIONS, CELLS), errors):
            write_cell(tmp_path, cells[seed], 0.1 + 0.01 * seed, error)
    table = experiment_table(EXPERIMENT, str(tmp_path))
    assert rows_of(table)["AFF, r=2"]["more than Add, b=1"].startswith("+0.00 ")
    assert table.notes[2].endswith("these differ from Add: none.")
    added, fused = zip(*last)
    interval = ttest_rel(fused, added).confidence_interval(0.95)
    told = f"AFF, r=2, b=1 +2.00 [{100 * interval.low:+.2f}, {100 * interval.high:+.2f}]"
    assert f"in the last epoch, whichever was the best: {told}; with" in table.notes[3]
    assert table.notes[3].endswith("these differ: AFF, r=2, b=1.")


@pytest.mark.parametrize(
    "event, change",
    [
        (2, {"best_epoch": 7}),
        (2, {"best_epoch": [0]}),
        (1, {"top1_error": None}),
        (1, {"top1_error": {"val": 0.1}}),
        (1, {"top1_error": {"val": 0.1, "test": -7}}),
        (1, {"images_per_sec": None}),
        (1, {"seconds": "x"}),
        (1, {"images_per_sec": 10**400}),
        (0, {"training": {"command": "aff train-cifar --seed 0"}}),
        (0, {"training": {}}),
        (0, {"training": None}),
    ],
)
def test_a_log_that_contradicts_itself_is_named(event, change, tmp_path):
    cell = CELLS[0]
    write_cell(tmp_path, cell, 0.1)
    path = tmp_path / cell.name / "train.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    events[event].update(change)
    path.write_text("\n".join(map(json.dumps, events)))
    with pytest.raises(aff.InputError, match="seed0/train.jsonl: .*: no log of a finished"):
        experiment_table(EXPERIMENT, str(tmp_path))


def test_a_run_of_another_experiment_does_not_count(tmp_path, capsys):
    """Its folder may have the same name."""
    write_cell(tmp_path, ADDITIONS[0], 0.1)
    for other in ("tenth", "inception"):
        assert EXPERIMENTS[other].cells()[0].name == ADDITIONS[0].name
        for command in (["tables", "--table", other], ["experiment", other]):
            assert main([*command, "--logs", str(tmp_path)]) == 2
            assert "was trained by another command" in capsys.readouterr().err


def write_scene_run(logs, cell, miou, evaluated=True):
    """A run on scenes: its log, and its evaluation by size."""
    write_cell(logs, cell, 0.1)
    path = logs / cell.name / "train.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for name in ("top1_error", "top5_error"):
        del events[1][name]
    events[1].update(miou={"val": 0.1, "test": miou}, pixel_error={"val": 0.2, "test": 0.3})
    path.write_text("\n".join(map(json.dumps, events)))
    if evaluated:
        sizes = {name: {"miou": miou / part} for part, name in enumerate(("small", "large"), 1)}
        (logs / cell.name / "evaluation.json").write_text(json.dumps({"sizes": sizes}))


def test_the_table_of_scenes(tmp_path):
    arm, first = SCENES.arms[-2], SCENES.arms[0]
    for seed, miou in enumerate((0.50, 0.54)):
        write_scene_run(tmp_path, SCENES.cells_of(arm, 2)[seed], miou)
        write_scene_run(tmp_path, SCENES.cells_of(first, 2)[seed], miou - 0.02)
    write_scene_run(tmp_path, SCENES.cells_of(arm, 2)[2], 0.9, evaluated=False)
    table = experiment_table(SCENES, str(tmp_path))
    row = rows_of(table)["AFF"]
    assert row["mIoU, b=2"] == "52.00 +- 2.83 (2 of 3 seeds)"
    assert row["mIoU small, b=2"] == "52.00 +- 2.83"
    assert row["mIoU middle, b=2"] == "-"
    assert row["mIoU large, b=2"] == "26.00 +- 1.41"
    assert row["mIoU more than Add, b=2"].startswith("+2.00 [")
    cost = measured("fpn_cifar_resnet14_askc", {"fusion": "ASKCFuse", "classes": 11}, 64)
    assert row["parameters, b=2"] == f"{cost.parameters:,}"
    assert "17 of the runs are still to be made" in table.notes[0]


@pytest.mark.parametrize("text", ["{", "{}", '{"sizes": {"small": {"miou": 2}}}'])
def test_an_evaluation_that_is_none_is_named(tmp_path, text):
    cell = SCENES.cells()[0]
    write_scene_run(tmp_path, cell, 0.5)
    (tmp_path / cell.name / "evaluation.json").write_text(text)
    with pytest.raises(aff.InputError, match=r"seed0/evaluation\.json: .*move its folder away"):
        experiment_table(SCENES, str(tmp_path))


def test_logs_may_be_those_of_the_experiment_alone(tmp_path, capsys):
    write_cell(tmp_path, CELLS[0], 0.1)
    assert main(["tables", "--table", "ablation", "--logs", str(tmp_path)]) == 0
    assert "11.00 (1 of 5 seeds)" in capsys.readouterr().out


def test_our_ablation_is_shown_where_nothing_has_been_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tables", "--table", "ablation"]) == 0
    said = capsys.readouterr().out
    assert experiment_table(EXPERIMENTS["ablation"], f"{ROOT}/logs/ablation").rows[0][1] in said
    assert "the runs that come with aff" in said
    write_cell(tmp_path / "logs" / "ablation", CELLS[0], 0.1)
    assert main(["tables", "--table", "ablation"]) == 0
    said = capsys.readouterr().out
    assert "11.00 (1 of 5 seeds)" in said
    assert "come with aff" not in said
