"""A run that an earlier version has begun goes on to the end that it came to there."""

import tarfile

import pytest

from aff.cli.main import run_command
from aff.training.logger import read_events

from ..conftest import ROOT

BEFORE = f"{ROOT}/tests/before"


@pytest.mark.numeric
def test_a_run_of_an_earlier_version_goes_on(tmp_path, monkeypatch):
    with tarfile.open(f"{BEFORE}/run.tar.gz") as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    flags = read_events("run/logs")[0]["training"]["command"].split()[1:]
    assert run_command("train-cifar", [*flags, "--resume", "auto"], "train_cifar.py") == 0
    found, expected = (
        [event for event in read_events(log) if event["event"] == "epoch"]
        for log in ("run/logs", f"{BEFORE}/whole.jsonl")
    )
    assert [event["epoch"] for event in found] == [0, 1]
    assert found[0] == {**expected[0], **{key: found[0][key] for key in AROUND}}
    for key in ("lr", "train_metric"):
        assert found[1][key] == expected[1][key]
    for key in ("train_loss", "train_value"):
        assert found[1][key] == pytest.approx(expected[1][key], rel=1e-3)
    for key in ("top1_error", "top5_error"):  # another processor rounds otherwise
        assert found[1][key] == pytest.approx(expected[1][key], abs=0.05)


#: What depends on the machine's speed.
AROUND = ("time", "seconds", "images_per_sec")
