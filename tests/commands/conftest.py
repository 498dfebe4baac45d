"""What the tests of the commands share: the script run in this process, in an empty folder."""

import shlex

import pytest

from aff.commands import train_cifar

QUICK = "--dataset digits --blocks 1 --channel-times 1 --cpus 1 --seed 1"


def train(text, *more):
    """Run the script in this process."""
    return train_cifar.main([*shlex.split(text), *map(str, more)], prog="train_cifar.py")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Run in an empty folder, so that what a command leaves behind is seen."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "cwd"
