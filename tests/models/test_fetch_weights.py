"""How published files are fetched and verified, from a server on loopback that may fail."""

import dataclasses
import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import aff
from aff.models import weights as published
from aff.models.records import WEIGHTS
from aff.models.weights import fetch, verify
from aff.utils import download

from ..serving import serving

NAME = "cifar100_coarse_aff_resnet32"
CONTENT = bytes(range(256)) * 8000


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A mirror that holds other content under a published name, and a table that knows its hash."""
    record = dataclasses.replace(WEIGHTS[NAME], sha1=git_sha1(CONTENT))
    monkeypatch.setitem(WEIGHTS, NAME, record)
    file = tmp_path / "mirror" / record.commit / record.path
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    with serving(tmp_path / "mirror") as running:
        monkeypatch.setenv("AFF_MIRROR", running.url)
        yield running


@pytest.fixture
def root(tmp_path):
    return tmp_path / "params"


def files(root):
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_a_file_is_fetched_verified_and_left(server, root):
    path = fetch(NAME, str(root))
    assert (root / f"{NAME}.params").read_bytes() == CONTENT
    assert files(root) == [f"{NAME}.params"]
    assert fetch(NAME, str(root)) == path
    assert len(server.requests) == 1


def test_a_slow_server_is_waited_for(server, root):
    server.fault = "slow"
    fetch(NAME, str(root))
    assert (root / f"{NAME}.params").read_bytes() == CONTENT


def test_a_download_that_broke_off_goes_on(server, root):
    server.fault = "truncated"
    with pytest.raises(aff.InputError, match="broke off.*goes on from there"):
        fetch(NAME, str(root))
    assert files(root) == [f"{NAME}.params.part"]
    server.fault = None
    fetch(NAME, str(root))
    start = int(server.requests[-1][1][len("bytes=") : -1])
    assert len(CONTENT) // 2 - download.CHUNK <= start <= len(CONTENT) // 2
    assert (root / f"{NAME}.params").read_bytes() == CONTENT
    assert files(root) == [f"{NAME}.params"]


def test_a_server_without_parts_starts_anew(server, root):
    root.mkdir()
    (root / f"{NAME}.params.part").write_bytes(CONTENT[:1000])
    server.fault = "whole"
    fetch(NAME, str(root))
    assert (root / f"{NAME}.params").read_bytes() == CONTENT


def test_a_download_that_was_whole_already(server, root):
    root.mkdir()
    (root / f"{NAME}.params.part").write_bytes(CONTENT)
    fetch(NAME, str(root))
    assert (root / f"{NAME}.params").read_bytes() == CONTENT


def test_a_server_that_refuses_half_way(server, root):
    server.fault = "refused"
    with pytest.raises(aff.InputError, match="broke off"):
        fetch(NAME, str(root))
    with pytest.raises(aff.InputError, match="HTTP 503"):
        fetch(NAME, str(root))
    part = (root / f"{NAME}.params.part").read_bytes()
    assert part == CONTENT[: len(part)] != b""
    server.fault = None
    fetch(NAME, str(root))


def test_a_stalled_server_is_given_up(server, root, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
    server.fault = "stalled"
    with pytest.raises(aff.InputError, match="no answer for 0.3 seconds"):
        fetch(NAME, str(root))
    assert files(root) == [f"{NAME}.params.part"]


@pytest.mark.parametrize("fault", ["corrupted", "chopped"])
def test_a_wrong_file_is_refused_and_kept_aside(server, root, fault):
    server.fault = fault
    with pytest.raises(aff.InputError, match="not the published .*kept aside"):
        fetch(NAME, str(root))
    assert files(root) == [f"{NAME}.params.refused"]
    server.fault = None
    fetch(NAME, str(root))
    assert files(root) == [f"{NAME}.params", f"{NAME}.params.refused"]


def test_an_endless_answer_is_cut_off(server, root, monkeypatch):
    monkeypatch.setattr(published, "MAX_BYTES", 1 << 20)
    server.fault = "endless"
    with pytest.raises(aff.InputError, match="more than 1048576 bytes"):
        fetch(NAME, str(root))
    server.fault = None
    monkeypatch.setattr(published, "MAX_BYTES", 1000)
    with pytest.raises(aff.InputError, match="2048000 bytes, more than it can have"):
        fetch(NAME, str(root / "other"))


@pytest.mark.parametrize("fault", ["slow", "late"])
def test_downloads_of_one_file_at_the_same_time(server, root, fault):
    server.fault = fault
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: fetch(NAME, str(root)), range(4)))
    assert paths == {str(root / f"{NAME}.params")}
    assert files(root) == [f"{NAME}.params"]
    assert (root / f"{NAME}.params").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_who_waited_does_not_touch_the_finished_file(root):
    """The file that was opened as a part may have got its final name while one waited for it."""
    root.mkdir()
    part = str(root / "x.part")
    with download.owned(part) as file:
        waiting = threading.Thread(target=lambda: seen.append(holding(part)))
        seen = []
        waiting.start()
        file.write(CONTENT)
        time.sleep(0.2)
        (root / "x.part").rename(root / "x")
    waiting.join()
    assert seen == [0]
    assert (root / "x").read_bytes() == CONTENT
    assert files(root) == ["x"]


def holding(path):
    with download.owned(path) as file:
        return file.seek(0, 2)


def test_without_internet_the_way_out_is_said(root, monkeypatch):
    monkeypatch.setenv("AFF_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(aff.InputError) as error:
        fetch(NAME, str(root))
    message = str(error.value)
    assert "could not be downloaded (no connection)" in message
    assert f"Fetch {WEIGHTS[NAME].url(published.REPOSITORY)} elsewhere" in message
    assert f"python -m aff fetch {NAME} --root {root} --from FILE" in message
    assert files(root) == []


def test_folders_of_a_download_that_failed_are_gone_again(root, monkeypatch):
    monkeypatch.setenv("AFF_MIRROR", "http://127.0.0.1:9")
    (root / "there").mkdir(parents=True)
    for place in (root / "new", root / "there", root / "new" / "deeper"):
        with pytest.raises(aff.InputError):
            fetch(NAME, str(place))
    assert files(root) == ["there"]


def test_a_wrong_file_in_place_is_kept_aside(server, root, tmp_path, caplog):
    root.mkdir()
    place = root / f"{NAME}.params"
    place.write_bytes(b"mine")
    with pytest.raises(aff.InputError, match="is not the published.*aff fetch .*--root"):
        aff.load_published(NAME, root=str(root))
    server.fault = "corrupted"
    with pytest.raises(aff.InputError):
        fetch(NAME, str(root))
    assert place.read_bytes() == b"mine"  # until its successor is here
    server.fault = None
    fetch(NAME, str(root))
    assert place.read_bytes() == CONTENT
    assert (root / f"{NAME}.params.refused.1").read_bytes() == b"mine"
    assert "refused.1" in caplog.text
    place.write_bytes(b"mine too")
    own = tmp_path / "own.params"
    own.write_bytes(CONTENT)
    fetch(NAME, str(root), source=str(own))
    assert place.read_bytes() == CONTENT
    assert (root / f"{NAME}.params.refused.2").read_bytes() == b"mine too"


def test_a_file_that_the_user_has(server, root, tmp_path):
    own = tmp_path / "own.params"
    own.write_bytes(CONTENT[:-1])
    with pytest.raises(aff.InputError, match="own.params is not the published"):
        fetch(NAME, str(root), source=str(own))
    assert files(root) == []
    own.write_bytes(CONTENT)
    fetch(NAME, str(root), source=str(own))
    assert files(root) == [f"{NAME}.params"]
    assert own.exists()
    assert not server.requests


def test_another_published_file_is_named(server, tmp_path):
    own = tmp_path / "own.params"
    own.write_bytes(CONTENT)
    with pytest.raises(aff.InputError, match=f"it is {NAME}"):
        verify(WEIGHTS["aff_resnet50"], str(own))


def test_a_folder_that_cannot_be(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(aff.InputError, match="file/params: "):
        fetch(NAME, str(tmp_path / "file" / "params"))
    (tmp_path / f"{NAME}.params.part").mkdir()
    with pytest.raises(aff.InputError, match="part: cannot be written"):
        fetch(NAME, str(tmp_path))
    with pytest.raises(aff.InputError, match="/proc/self"):
        fetch(NAME, "/proc/self")


@pytest.mark.parametrize("mirror", ["http://a..b", f"http://{'a' * 70}.org", "http://[bad"])
def test_addresses_that_cannot_be(root, mirror):
    with pytest.raises(aff.InputError, match="could not be downloaded"):
        fetch(NAME, str(root), mirror=mirror)
    assert files(root) == []


def test_a_mirror_that_is_not_needed_is_not_looked_at(server, root, tmp_path, monkeypatch):
    monkeypatch.setenv("AFF_MIRROR", "nonsense")
    own = tmp_path / "own.params"
    own.write_bytes(CONTENT)
    fetch(NAME, str(root), source=str(own))
    fetch(NAME, str(root))
    with pytest.raises(aff.InputError, match="nonsense"):
        fetch("aff_resnet50", str(root))


OWN = "fashion_mnist_add_resnet8"


def test_copies_of_our_own_file_at_the_same_time(root):
    """Nobody takes another's right file for a wrong one."""
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            (root / f"{OWN}.params").unlink(missing_ok=True)
            list(pool.map(lambda _: fetch(OWN, str(root)), range(4)))
            assert [path.name for path in root.iterdir()] == [f"{OWN}.params"]


def test_a_file_too_large_to_be_the_published_one_is_kept_aside(root):
    root.mkdir()
    with (root / f"{OWN}.params").open("wb") as file:
        file.truncate(101 * 2**20)
    verify(WEIGHTS[OWN], fetch(OWN, str(root)))
    assert (root / f"{OWN}.params.refused").stat().st_size == 101 * 2**20


def test_unknown_names_list_the_valid_ones():
    for call in (fetch, aff.load_published):
        with pytest.raises(aff.InputError, match="did you mean 'aff_resnet50'.*'aff list pub"):
            call("aff_resnet5")
