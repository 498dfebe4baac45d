"""Runs that are killed at random moments, the first time perhaps within their first save: they go
on to the end of one that nothing happened to, bit for bit (:mod:`tests.killing`).
"""

import time
from functools import partial

from ..killing import hold_end, kill_once, undisturbed

#: Each is a start of a run, and a part of its end.
COST, LONGEST = 20, 600
#: How likely a run is killed again.
AGAIN = 0.8


def kill(folder, rng, first, seconds, ended):
    """Kill a run, and note where it had come to its end before."""
    if kill_once(folder, rng, first, seconds=seconds) is None:
        ended.append(folder)


def tries(folder, rng, times):
    """The kills of one run after the other, and then its end."""
    begun = time.monotonic()
    expected = undisturbed(folder)
    seconds = time.monotonic() - begun
    while times:
        here, first, ended = folder / f"{times} left", rng.random() < 0.5, []
        here.mkdir()
        going = True
        while going:
            what = "a kill within the first save" if first else "a kill at any moment"
            yield what, partial(kill, here, rng, first, seconds, ended)
            times -= 1
            first, going = False, times and not ended and rng.random() < AGAIN
        yield "the end of a run that was killed", partial(hold_end, here, expected)
