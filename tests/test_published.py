"""The published files: their table, and how they are fetched and verified, from a server on
loopback.
"""

import dataclasses
import hashlib
import subprocess

import pytest

import aff
from aff import download, published
from aff.published import PUBLISHED, Published, blob_sha1, fetch, verify

from .conftest import ROOT
from .golden import ARCHITECTURES
from .serving import serving

NAME = "cifar100_coarse_aff_resnet32"
CONTENT = bytes(range(256)) * 8000


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A mirror that holds other content under a published name, and a table that knows its hash."""
    record = dataclasses.replace(PUBLISHED[NAME], sha1=git_sha1(CONTENT))
    monkeypatch.setitem(PUBLISHED, NAME, record)
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


def test_the_table():
    assert len(PUBLISHED) == 22
    assert aff.list_published() == list(PUBLISHED)
    record = PUBLISHED["gen2_aff_resnext50_32x4d"]
    assert record.kwargs == {
        "fusion": "ASKCFuse",
        "classes": 1000,
        "deep_stem": True,
        "stem_width": 64,
        "avg_down": True,
    }
    assert record.top1_error == pytest.approx(0.2028)
    assert PUBLISHED[NAME].top1_error == pytest.approx(1 - 0.8967)
    assert {record.label_set for record in PUBLISHED.values()} == {None, "coarse", "fine"}
    assert len({record.sha1 for record in PUBLISHED.values()}) == 22


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_record_names_one_of_the_published_architectures(name):
    record = PUBLISHED[name]
    net = aff.get_model(name)
    shapes = {key: list(p.shape) for key, p in net._collect_params_with_prefix().items()}
    known = any(shapes == entry["params"] for entry in ARCHITECTURES.values())
    assert known or record.dataset == "cifar10" or name == "cifar100_coarse_iaff_resnext38_32x4d"
    assert len(bytes.fromhex(record.sha1)) == len(bytes.fromhex(record.commit)) == 20


def test_addresses_are_percent_encoded(monkeypatch):
    monkeypatch.delenv("AFF_MIRROR", raising=False)
    assert PUBLISHED[NAME].url() == (
        "https://raw.githubusercontent.com/YimianDai/open-aff/"
        "deeacd453e30bcaa2b372c599417a5f4b4292d8c/params/cifar100/sota/resnet-32-askc-host/"
        "r%20%3D%204/0.8967-cifar100-resnet_v2_askc_blocks_5_channel_times_4_start_layer_1_mixup-"
        "best.params"
    )
    assert PUBLISHED[NAME].url("http://host/x/").startswith("http://host/x/deeacd453e")
    with pytest.raises(aff.InputError, match="starts with http"):
        PUBLISHED[NAME].url("host/x")


def test_the_hash_is_gits(tmp_path):
    path = f"{ROOT}/README.md"
    git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True)
    assert blob_sha1(path) == git.stdout.strip()


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
    with pytest.raises(aff.InputError, match="2048000 bytes, which no published file has"):
        fetch(NAME, str(root / "other"))


def test_two_downloads_of_one_file_do_not_mix(server, root):
    root.mkdir()
    with download._owned(str(root / f"{NAME}.params.part")), pytest.raises(
        aff.InputError, match="another process"
    ):
        fetch(NAME, str(root))


def test_without_internet_the_way_out_is_said(root, monkeypatch):
    monkeypatch.setenv("AFF_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(aff.InputError) as error:
        fetch(NAME, str(root))
    message = str(error.value)
    assert "could not be downloaded (no connection)" in message
    assert f"Fetch {PUBLISHED[NAME].url(published.REPOSITORY)} elsewhere" in message
    assert f"aff fetch {NAME} --from FILE" in message
    assert files(root) == []


def test_a_wrong_file_in_place_is_kept_aside(server, root):
    root.mkdir()
    (root / f"{NAME}.params").write_bytes(b"wrong")
    with pytest.raises(aff.InputError, match="is not the published.*aff fetch"):
        aff.load_published(NAME, root=str(root))
    fetch(NAME, str(root))
    assert (root / f"{NAME}.params").read_bytes() == CONTENT
    assert (root / f"{NAME}.params.refused").read_bytes() == b"wrong"


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
        verify(PUBLISHED["aff_resnet50"], str(own))


def test_a_folder_that_cannot_be(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(aff.InputError, match="no folder that can be written to"):
        fetch(NAME, str(tmp_path / "file" / "params"))


def test_unknown_names_list_the_valid_ones():
    for call in (fetch, aff.load_published):
        with pytest.raises(aff.InputError, match="did you mean 'aff_resnet50'.*gen2_iaff"):
            call("aff_resnet5")
    assert isinstance(PUBLISHED[NAME], Published)
