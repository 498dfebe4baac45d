"""What servers that mean harm may send, and what is said of it."""

import os
import random
import socket
import threading

import pytest

import aff
from aff.cli.main import main
from aff.models.records import WEIGHTS
from aff.utils import download

from ..hostile.servers import SECRET, WANTED, answers, fetch, serve

REFUSED = {
    "a body that is packed": "packed",
    "control bytes in the reason": "HTTP 503",
    "a byte now and then": "too slow",
    "a head's byte now and then": "too slow",
    "nothing": "broke off|no connection",
    "more than it may have": "more than",
    "a file of this machine": "could not be downloaded",
}


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Fetch from a server that answers so."""

    def ask(what):
        if "now and then" in what:
            monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as server:
            answer = answers(random.Random(0))[what]
            threading.Thread(target=serve, args=(server, answer), daemon=True).start()
            fetch(server.getsockname(), tmp_path / "file")
            server.shutdown(socket.SHUT_RDWR)

    return ask


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_said_without_the_password(what, ask):
    with pytest.raises(aff.InputError, match=REFUSED[what]) as error:
        ask(what)
    assert SECRET not in str(error.value) and "http://127.0.0.1" in str(error.value)


def test_what_is_too_large_is_not_kept(ask, tmp_path):
    (tmp_path / "file.part").write_bytes(WANTED[:1])
    with pytest.raises(aff.InputError, match="more than"):
        ask("more than it may have")
    assert list(tmp_path.iterdir()) == []


def test_what_has_the_files_name_is_put_aside(ask, tmp_path):
    os.mkfifo(tmp_path / "file")
    ask("the file")
    assert (tmp_path / "file").read_bytes() == WANTED
    assert (tmp_path / "file.refused").is_fifo()


def test_a_download_takes_no_longer_than_it_may(ask, monkeypatch):
    monkeypatch.setattr(download, "LONGEST_SECONDS", 0)
    with pytest.raises(aff.InputError, match="too slow"):
        ask("the file")


@pytest.mark.parametrize(
    "mirror",
    [
        "http://user:{}@127.0.0.1:9",
        "ftp://user:{}@127.0.0.1:9",
        "user:{}@127.0.0.1:9",
        "https:/user:{}@127.0.0.1:9",
        "http://user:a/{}@127.0.0.1:9",
    ],
)
def test_a_mirrors_password_is_not_printed(mirror, tmp_path, capsys):
    name = next(name for name, record in WEIGHTS.items() if not record.ours)
    arguments = ["fetch", name, "--root", str(tmp_path), "--mirror", mirror.format(SECRET)]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "127.0.0.1:9" in said and SECRET not in said and "user:" not in said
