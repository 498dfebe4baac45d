"""Timing of several actions beside each other: on a machine that others use too, only what was
measured in turns can be compared.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Callable, Dict, List, Mapping

from .progress import Watch


def interleaved(
    actions: Mapping[str, Callable[[], object]],
    rounds: int,
    seconds: float = 0.5,
    watch: Watch = iter,
) -> Dict[str, List[float]]:
    """Return the seconds that a call of each action takes, one value a round.

    Parameters
    ----------
    actions : mapping of str to callable
        Each finishes its work before it returns. They are called in turns, each round in another
        order, after two calls of each that do not count.
    rounds : int
        How many values to take.
    seconds : float
        Calls are repeated until a value has taken this long.
    watch : callable, optional
        Wraps the rounds, before any is called, e.g. to show a bar.
    """
    numbers = watch(range(rounds))
    names = list(actions)
    repeats = {name: max(1, round(seconds / max(_once(actions[name]), 1e-6))) for name in names}
    taken: Dict[str, List[float]] = {name: [] for name in names}
    for number in numbers:
        start = number % len(names)
        for name in [*names[start:], *names[:start]]:
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                actions[name]()
            taken[name].append((time.perf_counter() - begin) / repeats[name])
    return taken


def _once(action: Callable[[], object]) -> float:
    action()
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def rate(count: int, seconds: List[float]) -> float:
    """Return things a second, of `count` in each call: the median."""
    return count / median(seconds)
