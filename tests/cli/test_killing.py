"""The short form of tests/killing.py."""

import pytest

from tests.killing import RECIPE, kill


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "seed"), [((), 3), (RECIPE, 1)], ids=["published", "recipe"])
def test_a_killed_run_ends_as_if_nothing_had_happened(tmp_path, flags, seed):
    done = kill(3, seed, tmp_path, flags=flags)
    assert sum(done.values()) == 3
