"""Servers that answer a download with anything but the file."""

import contextlib
import gzip
import socket
import threading
import time
import zlib

import aff
from aff.utils import download

SECRET = "pass%40word"
#: Seconds after which a piece is given up, and the body that should have come.
TIMEOUT, WANTED = 0.5, bytes(range(256)) * 64


def head(*lines, status="200 OK"):
    """An answer's head."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def answers(rng):
    """Answers, each a list of bytes and pauses."""
    bomb = zlib.compress(bytes(2**20))
    size = len(WANTED)
    return {
        "the file": [head(f"Content-Length: {size}"), WANTED],
        "nothing": [],
        "no HTTP": [bytes(rng.randrange(256) for _ in range(200))],
        "control bytes in the reason": [head(status="503 \x1b[2J\x07\x9b" + "x" * 5000)],
        "a status of another kind": [head(status=rng.choice(("999 x", "-1 x", "abc", "100 x")))],
        "a wrong length": [
            head(f"Content-Length: {rng.choice((1, size * 2, -1, 10**30))}"),
            WANTED,
        ],
        "a length of many digits": [head("Content-Length: " + "9" * 5000), WANTED],
        "a body that is packed": [head("Content-Encoding: gzip"), gzip.compress(bytes(2**24))],
        "a body that is packed twice": [
            head("Content-Encoding: gzip, deflate"),
            gzip.compress(bomb * 50),
        ],
        "pieces of a wrong length": [
            head("Transfer-Encoding: chunked"),
            b"zz\r\nabc\r\n-5\r\n",
            b"ff",
        ],
        "a piece of 2^60 bytes": [head("Transfer-Encoding: chunked"), b"%x\r\n" % 2**60, b"x" * 99],
        "no end of heads": [head()[:-2], b"X: " + b"x" * 60_000, b"\r\n" * 3, b"Y: y\r\n" * 500],
        "itself, again and again": [head("Location: /x", status="302 Found")],
        "a file of this machine": [head("Location: file:///etc/passwd", status="302 Found")],
        "nothing, for ever": [head(f"Content-Length: {size}"), None],
        "a byte now and then": [head(f"Content-Length: {size}"), *[WANTED[:1], 0.1] * 50],
        "a head's byte now and then": [*[b"H", 0.1] * 50],
        "more than it may have": [head(), *[WANTED] * 40],
    }


def serve(server, answer):
    """Answer every connection so, until the server is closed."""

    def reply(connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.recv(4096)
            for part in answer:
                if part is None:
                    connection.recv(1)
                elif isinstance(part, float):
                    time.sleep(part)
                else:
                    connection.sendall(part)

    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=reply, args=(server.accept()[0],), daemon=True).start()


def fetch(address, path):
    """Download, and hold what is left of it to what was promised."""

    def check(name):
        with open(name, "rb") as file:
            if file.read() != WANTED:
                raise aff.InputError("another file")

    url = f"http://user:{SECRET}@127.0.0.1:{address[1]}/x"
    try:
        download.download(url, str(path), check, 10 * len(WANTED))
    except aff.InputError as error:
        assert SECRET not in str(error)
        assert not path.exists()
        raise
    assert path.read_bytes() == WANTED


def tries(folder, rng, times):
    """A download from each server; each takes up to some seconds."""
    before, download.TIMEOUT_SECONDS = download.TIMEOUT_SECONDS, TIMEOUT
    try:
        for number in range(-(-times // 100)):
            for what, answer in answers(rng).items():
                with socket.create_server(("127.0.0.1", 0)) as server:
                    threading.Thread(target=serve, args=(server, answer), daemon=True).start()
                    path = folder / f"{number}-{what[:10]}"
                    yield what, lambda: fetch(server.getsockname(), path)  # noqa: B023
                    server.shutdown(socket.SHUT_RDWR)
    finally:
        download.TIMEOUT_SECONDS = before
