"""Signals that ask a run to stop: the first is noted, so that the step can be finished and saved; a
second one ends the process. A terminal that closes is such a signal too, but no second one: a
shell's and the system's come one after the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import Any, Dict

from ..utils.output import drop_hung_up

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """While it is entered, SIGINT, SIGTERM and SIGHUP are noted instead of obeyed; SIGHUP stays
    ignored where it was, as under ``nohup``.

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
        self._insisted = False
        self._active = active and threading.current_thread() is threading.main_thread()
        self._before: Dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if self._active:
            ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            numbers = [number for number in SIGNALS if not (ignored and number == signal.SIGHUP)]
            self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def name(self) -> str:
        """Name of the signal that has come."""
        return signal.Signals(self.asked).name

    def _note(self, number: int, _) -> None:
        if number != signal.SIGHUP:
            if self._insisted:
                os._exit(128 + number)
            self._insisted = True
        if not self.asked:
            self.asked = number
            line = f"{self.name}: finishing this step, then saving; a second signal ends at once\n"
            with contextlib.suppress(OSError):  # nobody may be reading any more
                os.write(sys.stderr.fileno(), line.encode())
        if number == signal.SIGHUP:
            drop_hung_up()
