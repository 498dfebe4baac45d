"""Today's augmentation in a run, which resumes exactly."""

import pytest

from aff.data import TrainLoader
from aff.data.augmented import Extras

from .recipes import assert_resumes_exactly

EXTRAS = Extras((2, 9), 0.5, 1.0, 0.5)


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_resumes_exactly(tiny_data, tmp_path, devices):
    def wrap(part, loader):
        if part == "test":
            return loader
        return TrainLoader(
            tiny_data, 6, 0, mixup_alpha=1.0, mixup_until=2, devices=devices, extras=EXTRAS
        )

    assert_resumes_exactly(tiny_data, tmp_path, devices=devices, wrap=wrap)
