"""Signals that ask a run to stop: the first is noted, so that the step can be finished and saved; a
second one ends the process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import Any, Dict

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is entered, SIGINT and SIGTERM are noted instead of obeyed.

    Parameters
    ----------
    active : bool, default True
        False leaves the signals what they were.

    Attributes
    ----------
    asked : int
        Number of the signal that has come, or 0.
    """

    def __init__(self, active: bool = True):
        self.asked = 0
        self._active = active and threading.current_thread() is threading.main_thread()
        self._before: Dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if self._active:
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def name(self) -> str:
        """Name of the signal that has come."""
        return signal.Signals(self.asked).name

    def _note(self, number: int, _) -> None:
        if self.asked:
            os._exit(128 + number)
        self.asked = number
        line = f"{self.name}: finishing this step, then saving; a second signal ends at once\n"
        with contextlib.suppress(OSError):  # nobody may be reading any more
            os.write(sys.stderr.fileno(), line.encode())
