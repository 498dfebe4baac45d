"""Runs that are killed at a random moment, or within their first save: they go on to the end of one
that nothing happened to, bit for bit (:mod:`tests.killing`).
"""

from functools import partial

from ..killing import hold_end, kill_once, undisturbed

#: Each is three runs of some seconds.
COST, LONGEST = 50, 600


def kill(folder, rng, first, expected):
    """Kill a run, once and then perhaps again."""
    while kill_once(folder, rng, first) and rng.random() < 0.5:
        first = False
    hold_end(folder, expected)


def tries(folder, rng, times):
    """The first save in turn with any moment."""
    expected = undisturbed(folder)
    for number in range(times):
        killed, first = folder / str(number), number % 2 == 0
        killed.mkdir()
        what = "within the first save" if first else "at any moment"
        yield what, partial(kill, killed, rng, first, expected)
