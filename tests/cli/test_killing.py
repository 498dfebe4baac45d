"""The short form of tests/killing.py."""

import pytest

from tests.killing import kill


@pytest.mark.slow
def test_a_killed_run_ends_as_if_nothing_had_happened(tmp_path):
    done = kill(3, 3, tmp_path)
    assert sum(done.values()) == 3
