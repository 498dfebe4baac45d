"""What is being measured, told on standard error between the measurements."""

from __future__ import annotations

import sys
from functools import partial
from typing import Callable, Iterable

from tqdm import tqdm

from ..utils.screen import fold

#: Wraps what is gone through round by round.
Watch = Callable[[Iterable], Iterable]


class Progress:
    """Counts the parts of a measurement and says which is at work.

    Parameters
    ----------
    parts : int
        How many there are.
    """

    def __init__(self, parts: int):
        self.parts = parts
        self.begun = 0

    def begin(self, what: str) -> Watch:
        """Say that the next part begins; gives a bar of its rounds for a terminal, which is drawn
        between them only, so that it takes no time of any.
        """
        self.begun += 1
        line = f"measuring {self.begun} of {self.parts}: {what}"
        print(fold(line, indent=2), file=sys.stderr, flush=True)
        return partial(
            tqdm,
            desc="done",
            leave=False,
            disable=not sys.stderr.isatty(),
            mininterval=0,
            miniters=1,
        )
