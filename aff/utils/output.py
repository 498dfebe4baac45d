"""Standard output and error whose reader may be gone: a closed terminal, the end of a pipe."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import stat
import sys
from typing import Iterator

OUTPUT, ERRORS = 1, 2


def open_streams() -> None:
    """Read from and write to nowhere what was closed when this process started: standard input,
    output and errors. The next files to be opened would stand in their places. What the locale
    cannot write, such as a file's name that is not UTF-8, is written escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115
            os.set_inheritable(nowhere.fileno(), True)
            setattr(sys, name, nowhere)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Write out what standard output holds."""
    sys.stdout.flush()


def drop(number: int = OUTPUT) -> None:
    """Write a stream, by its file descriptor, nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def drop_hung_up() -> None:
    """Drop output and errors where a terminal that has hung up took them: the terminal's own, and
    pipes, whose readers end with it.
    """
    for number in (OUTPUT, ERRORS):
        try:
            os.write(number, b"")
            gone = stat.S_ISFIFO(os.fstat(number).st_mode)
        except OSError:
            gone = True
        if gone:
            drop(number)


def drop_unread() -> None:
    """Drop output and errors where they are pipes that nobody reads any more."""
    for number in (OUTPUT, ERRORS):
        stream = select.poll()
        stream.register(number, 0)
        if any(event & select.POLLERR for _, event in stream.poll(0)):
            drop(number)


@contextlib.contextmanager
def outliving_terminal(pipes: bool = False) -> Iterator[None]:
    """Go on writing nowhere where the terminal is found to have hung up or, with `pipes`, the
    reader of a pipe is gone.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EIO:
            drop_hung_up()
        elif error.errno == errno.EPIPE and pipes:
            drop_unread()
        else:
            raise
