"""Runs of today's recipe, stopped and resumed: what each part of it is held to."""

import numpy as np
import pytest

from aff.training.checkpoint import list_checkpoints
from aff.utils.errors import Interrupted

from .helpers import after, facts, parameters, small_run, stop


def assert_resumes_exactly(data, folder, every=7, devices=1, epochs=3, **settings):
    """Stop a run of these settings again and again, also within its epochs; it ends where one that
    nobody stopped does, bit for bit. Gives both folders.
    """
    whole = small_run(data, folder / "whole", epochs, devices, **settings)
    expected = whole.fit()
    places = set()
    for _ in range(60):
        run = small_run(data, folder / "parts", epochs, devices, after(every, stop), **settings)
        try:
            state = run.fit()
            break
        except Interrupted:
            places.add(list_checkpoints(str(folder / "parts"))[-1])
    else:
        pytest.fail(f"it never came to an end: {places}")
    assert any(place.split("checkpoint-")[1].count("-") for place in places)
    assert facts(state) == facts(expected)
    for name, value in parameters(whole.trainer).items():
        np.testing.assert_array_equal(parameters(run.trainer)[name], value, err_msg=name)
    return folder / "whole", folder / "parts"
