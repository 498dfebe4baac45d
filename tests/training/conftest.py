"""Runs that several tests start from or compare with, each trained once."""

import shutil
from types import SimpleNamespace

import pytest

from .helpers import facts, parameters, small_run


@pytest.fixture(scope="session")
def whole(tiny_data, tmp_path_factory):
    """Gives four epochs in one go on so many devices: `facts`, `parameters`, `best_epoch` and
    `folder`.
    """
    runs = {}

    def trained(devices=1):
        if devices not in runs:
            folder = tmp_path_factory.mktemp(f"whole-{devices}")
            run = small_run(tiny_data, folder, devices=devices)
            state = run.fit()
            runs[devices] = SimpleNamespace(
                facts=facts(state),
                best_epoch=state.best_epoch,
                parameters=parameters(run.trainer),
                folder=folder,
            )
        return runs[devices]

    return trained


@pytest.fixture(scope="session")
def earlier(tiny_data, tmp_path_factory):
    """A finished run of two epochs, not to be changed."""
    folder = tmp_path_factory.mktemp("earlier") / "run"
    small_run(tiny_data, folder, 2).fit()
    return folder


@pytest.fixture
def copied(earlier, tmp_path):
    """A copy of `earlier`."""
    return shutil.copytree(earlier, tmp_path / "copied")
