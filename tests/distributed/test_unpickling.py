"""What reaches a server of a job over its port is not unpickled."""

import pickle
import sys

import pytest

from ..conftest import run_python


@pytest.mark.slow
def test_a_server_runs_nothing_of_what_reaches_it(tmp_path):
    mark = tmp_path / "mark"
    command = [*("-m", "aff", "launch", "-n", "1", "-s", "1", "--"), sys.executable]
    finished = run_python(*command, "-m", "tests.distributed.unpickling", mark)
    assert finished.returncode == 0, finished.stderr
    assert not mark.exists()
    assert "sum [1.0, 1.0, 1.0]" in finished.stdout, "the server serves on"
    assert "was refused" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("role", ["server", "scheduler"])
def test_servers_and_schedulers_unpickle_nothing(role):
    script = "import aff, pickle; pickle.loads(pickle.dumps(1))"
    finished = run_python("-c", script, DMLC_ROLE=role)
    assert "UnpicklingError" in finished.stderr


def test_workers_unpickle_what_is_their_own():
    assert run_python("-c", "import aff, pickle; pickle.loads(pickle.dumps(1))").returncode == 0
    assert pickle.loads(pickle.dumps(1)) == 1
