"""Runs that differ by their seed alone, drawn as one."""

import pytest

from aff.cli.main import main
from aff.paper.curves import mean_over_seeds, read_curves

from .test_curves import our_log


def test_seeds_without_an_epoch_in_common(tmp_path, capsys):
    for seed in (0, 1):
        path = our_log(tmp_path / f"b1-x-seed{seed}") / "train.jsonl"
        path.write_text(path.read_text().replace('"epoch": ', f'"epoch": {seed or ""}'))
    folders = [str(path) for path in sorted(tmp_path.iterdir())]
    assert main(["plot", *folders, "--seeds", "--out", str(tmp_path / "it.png")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no epoch in common: leave --seeds out" in said


def test_seeds_are_one_curve_with_a_band(tmp_path, capsys):
    for seed, error in enumerate((0.2, 0.3, 0.7)):
        folder = our_log(tmp_path / f"b1-x-seed{seed}", epochs=2 + seed)
        path = folder / "train.jsonl"
        path.write_text(path.read_text().replace('"test": 0.4', f'"test": {error}'))
    our_log(tmp_path / "b1-y-seed0")
    folders = [str(path) for path in sorted(tmp_path.iterdir())]
    three, alone = mean_over_seeds(read_curves(folders))
    assert (three.name, alone.name) == ("b1-x (3 seeds)", "b1-y-seed0")
    assert three.series("test_top1") == ([0, 1], [pytest.approx(0.4)] * 2)  # which all have
    assert three.band("test_top1") == ([0, 1], [0.2] * 2, [0.7] * 2)
    assert three.band("train_top1") == ([0, 1], [0.5] * 2, [0.5] * 2)
    assert alone.band("test_top1") == ([], [], [])
    path = tmp_path / "curves.svg"
    assert main(["plot", *folders, "--seeds", "--out", str(path)]) == 0
    assert "b1-x (3 seeds): 2 epochs, top-1 error 40.00 % at epoch 1" in capsys.readouterr().out
