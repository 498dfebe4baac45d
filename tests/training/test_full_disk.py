"""A disk that takes no more: training stops with a message, and what was saved stays whole."""

import resource

import numpy as np
import pytest

from aff.training.checkpoint import list_checkpoints, newest_checkpoint
from aff.training.state import RunState
from aff.utils.errors import RunError
from aff.utils.params_file import ArrayFile

from .helpers import parameters
from .test_checkpoint import facts, make_run


@pytest.fixture
def smallest_file():
    """Lets no file of this process grow beyond so many bytes, which mxnet meets as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [1000, 100_000, 339_000])
def test_a_full_disk(tiny_data, tmp_path, smallest_file, size):
    make_run(tiny_data, tmp_path, 2).go(RunState())
    best = (tmp_path / "best.params").read_bytes()
    assert size < len(best)
    run = make_run(tiny_data, tmp_path, 4)
    state = RunState.resumed(newest_checkpoint(str(tmp_path)), run.loop)
    smallest_file(size)
    with pytest.raises(
        RunError, match=r"(File too large|cannot be written whole).*make room, then go on with"
    ):
        run.go(state)
    smallest_file(resource.RLIM_INFINITY)
    assert [path.rsplit("-", 1)[1] for path in list_checkpoints(str(tmp_path))] == ["0001", "0002"]
    assert not list(tmp_path.glob("*.tmp"))
    assert (tmp_path / "best.params").read_bytes() == best
    ArrayFile(str(tmp_path / "best.params"))
    # and with room again it goes on to the undisturbed end
    again = make_run(tiny_data, tmp_path, 4)
    found = again.go(RunState.resumed(newest_checkpoint(str(tmp_path)), again.loop))
    whole = make_run(tiny_data, tmp_path / "whole", 4)
    assert facts(found) == facts(whole.go(RunState()))
    for name, value in parameters(whole.loop).items():
        np.testing.assert_array_equal(parameters(again.loop)[name], value, err_msg=name)
