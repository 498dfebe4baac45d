"""A disk that takes no more: training stops with a message, and what was saved stays whole."""

import resource

import numpy as np
import pytest

from aff.training.checkpoint import list_checkpoints
from aff.utils.errors import Interrupted, RunError
from aff.utils.params_file import ArrayFile

from .helpers import TICKS, after, facts, parameters, small_run, stop


@pytest.fixture
def smallest_file():
    """Lets no file of this process grow beyond so many bytes, which mxnet meets as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.numeric
@pytest.mark.parametrize(
    "size",
    [1000, pytest.param(100_000, marks=pytest.mark.slow), 339_000],
)
def test_a_full_disk(tiny_data, tmp_path, whole, smallest_file, size):
    with pytest.raises(Interrupted):
        small_run(tiny_data, tmp_path, tick=after(2 * TICKS - 1, stop)).fit()
    best = (tmp_path / "best.params").read_bytes()
    assert size < len(best)
    run = small_run(tiny_data, tmp_path, tick=after(0, lambda: smallest_file(size)))
    with pytest.raises(RunError, match=f"resume auto save_dir {tmp_path}"):
        run.fit()
    smallest_file(resource.RLIM_INFINITY)
    assert [path.rsplit("-", 1)[1] for path in list_checkpoints(str(tmp_path))] == ["0001", "0002"]
    assert not list(tmp_path.glob("*.tmp"))
    assert (tmp_path / "best.params").read_bytes() == best
    ArrayFile(str(tmp_path / "best.params"))
    # and with room again it goes on to the undisturbed end
    again = small_run(tiny_data, tmp_path)
    assert facts(again.fit()) == whole().facts
    for name, value in whole().parameters.items():
        np.testing.assert_array_equal(parameters(again.trainer)[name], value, err_msg=name)
