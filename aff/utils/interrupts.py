"""Ctrl-C while Python imports: it ends the process at once, as it does programs in other languages.
A `KeyboardInterrupt` would end as an import's traceback, or be lost in a library that catches it.
"""

from __future__ import annotations

import contextlib
import signal
from typing import Iterator


def end_at_once() -> None:
    """Have Ctrl-C end the process; not where it is ignored, or somebody has an own handler."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_again() -> None:
    """Have Ctrl-C raise `KeyboardInterrupt`, as Python has it, where it ends the process."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """Have Ctrl-C end the process while this is entered."""
    end_at_once()
    try:
        yield
    finally:
        raise_again()
