"""Downloads that go on where they broke off, and count for nothing until they are checked."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import queue
import re
import sys
import threading
import time
from typing import Any, BinaryIO, Callable, Dict, Generator

import requests
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from .errors import InputError, telling
from .files import exclusive_file
from .opening import KB
from .report import printable

TIMEOUT_SECONDS = 20
#: Times `TIMEOUT_SECONDS` for each piece of so many bytes (a server may have several addresses),
#: and seconds for all of them.
PATIENCE, CHUNK = 3, 8 * KB
LONGEST_SECONDS = 12 * 3600
#: Pieces that have arrived and are not written.
AHEAD = 64
LINE_SECONDS = 10
OK, PARTIAL, OUT_OF_RANGE = 200, 206, 416
LOG = logging.getLogger(__name__)


class _Progress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, name: str, done: int, total: int):
        self.name, self.done, self.total = name, done, total
        self.said = time.monotonic()
        self.bar = tqdm(
            total=total or None,
            initial=done,
            desc=name,
            unit="B",
            unit_scale=True,
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    def add(self, count: int) -> None:
        self.done += count
        self.bar.update(count)
        if self.bar.disable and time.monotonic() - self.said > LINE_SECONDS:
            self.said = time.monotonic()
            of = f" of {self.total / 1e6:.1f}" if self.total else ""
            print(f"{self.name}: {self.done / 1e6:.1f}{of} MB", file=sys.stderr, flush=True)


def owned(path: str) -> contextlib.AbstractContextManager:
    """Return the file, open to append, once no other process has it."""
    return exclusive_file(
        path,
        lambda _: LOG.warning("%s: waiting for the process that is making it", path),
    )


def put_aside(file: str, path: str) -> str:
    """Rename a file that was refused as `path` to ``<path>.refused``, or ``.refused.1`` and so on
    where that is taken; the name.
    """
    names = (f"{path}.refused{f'.{number}' if number else ''}" for number in itertools.count())
    aside = next(name for name in names if not os.path.lexists(name))
    os.rename(file, aside)
    return aside


def approved(check: Callable[[str], None], path: str) -> bool:
    """Tell whether a file is there with which `check`, which raises InputError, is content."""
    if not os.path.isfile(path):
        return False
    try:
        check(path)
    except InputError:
        return False
    return True


def download(
    url: str, path: str, check: Callable[[str], None], max_bytes: int, keep: bool = True
) -> None:
    """Download a file; `path` exists afterwards only if it is whole and `check` is content.

    What has arrived of an unfinished download stays in ``<path>.part``, and the next call goes on
    from there. What was downloaded and refused, and a file of the final name that is refused, are
    kept aside as ``<path>.refused``.

    Parameters
    ----------
    url : str
        Its address.
    path : str
        Its final name; the folder exists.
    check : callable
        Called with the name of a file; raises `InputError` to refuse it.
    max_bytes : int
        Refuse to store more.
    keep : bool, default True
        Keep a refused file aside.

    Raises
    ------
    InputError
        Where the file cannot be had or stored, is too large, or is refused.
    """
    part, shown = f"{path}.part", without_password(url)
    try:
        with owned(part) as file:
            if approved(check, path):
                return  # another process was faster
            with telling(shown):
                _receive(url, file, os.path.basename(path), max_bytes)
            file.flush()
            os.fsync(file.fileno())
            try:
                check(part)
            except InputError as error:
                aside = f"; kept aside as {put_aside(part, path)}" if keep else ""
                raise InputError(f"{shown}: {error}{aside}") from error
            if os.path.lexists(path):
                LOG.warning("%s: another file was here; it is now %s", path, put_aside(path, path))
            os.replace(part, path)
    except InputError:
        raise
    except (requests.RequestException, ValueError, HTTPError) as error:
        raise InputError(f"{shown} could not be downloaded ({_reason(error)})") from error
    except OSError as error:
        raise InputError(f"{part}: cannot be written ({error.strerror or error})") from error


def without_password(url: str) -> str:
    """Return an address without the name and password that it may hold, as messages show it."""
    return re.sub(r"^([A-Za-z][\w+.-]*:/+)?.*@", r"\1", url, flags=re.S)


def _receive(url: str, file: BinaryIO, name: str, max_bytes: int) -> None:
    """Append to `file` what it lacks."""
    done = file.seek(0, os.SEEK_END)
    headers = {"Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    with contextlib.closing(_answer(url, headers)) as pieces:
        response = next(pieces)
        if response.status_code == OUT_OF_RANGE:
            return  # nothing is lacking, or the check will tell
        if response.status_code not in (OK, PARTIAL):
            reason = printable(response.reason or "", 60)
            raise InputError(f"could not be downloaded (HTTP {response.status_code} {reason})")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise InputError("comes packed, as was not asked for")
        if response.status_code == OK:  # the whole file, whatever was asked for
            file.truncate(0)
            done = 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isascii() and length.isdigit() else 0
        if total > max_bytes:
            raise InputError(f"{total} bytes, more than it can have")
        progress = _Progress(name, done, total)
        try:
            for chunk in pieces:
                if progress.done + len(chunk) > max_bytes:
                    file.truncate(0)  # nothing to go on from
                    raise InputError(f"more than {max_bytes} bytes")
                file.write(chunk)
                progress.add(len(chunk))
        finally:
            progress.bar.close()
        if total and progress.done < total:
            raise requests.ConnectionError("broke off")


def _answer(url: str, headers: Dict[str, str]) -> Generator[Any, None, None]:
    """Yield the response, and then its body as it is sent, piece by piece.

    It is received by a thread of its own: a server that sends a byte now and then never lets
    go of who waits for it. It is given up where a piece takes too long, or all of them.
    """
    pieces: queue.Queue = queue.Queue(AHEAD)
    given_up = threading.Event()

    def receive() -> None:
        try:
            with requests.get(
                url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS
            ) as response:
                pieces.put(response)
                for piece in response.raw.stream(CHUNK, decode_content=False):
                    pieces.put(piece)
                    if given_up.is_set():
                        return
            pieces.put(None)
        except Exception as error:
            pieces.put(error)

    threading.Thread(target=receive, daemon=True).start()
    end = time.monotonic() + LONGEST_SECONDS
    try:
        while time.monotonic() < end:
            try:
                piece = pieces.get(timeout=PATIENCE * TIMEOUT_SECONDS)
            except queue.Empty:
                raise requests.Timeout from None
            if isinstance(piece, Exception):
                raise piece
            if piece is None:
                return
            yield piece
        raise requests.Timeout
    finally:
        given_up.set()
        while not pieces.empty():  # lets go of who waits to put another
            pieces.get_nowait()


def _reason(error: Exception) -> str:
    """Return what happened, without the layers of libraries that it went through."""
    text = str(error)
    if isinstance(error, (requests.Timeout, ReadTimeoutError)) or "timed out" in text:
        return (
            f"no answer for {TIMEOUT_SECONDS} seconds, or too slow a one; the same command goes on "
            "from there"
        )
    if isinstance(error, (ProtocolError, ChunkedEncodingError)) or "broke off" in text:
        return "it broke off; the same command goes on from there"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
