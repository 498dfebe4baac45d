"""Downloads, served on loopback: what fits its sum arrives, anything else leaves nothing behind."""

import hashlib
import tarfile

import pytest

import aff
from aff.data import load_dataset
from aff.data.datasets import cifar, fashion_mnist, fetch

from ...conftest import write_cifar, write_idx
from ...serving import serving

import numpy as np  # isort: skip


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder served over HTTP in place of mxnet's data repository."""
    root = tmp_path / "served"
    root.mkdir()
    with serving(root) as server:
        monkeypatch.setenv("MXNET_GLUON_REPO", f"{server.url}/")
        yield root


def sha1(path):
    return hashlib.sha1(path.read_bytes()).hexdigest()


@pytest.fixture
def served_cifar(repository, tmp_path, monkeypatch):
    """CIFAR-100's archive, with tiny contents, on that server."""
    write_cifar(tmp_path / "made" / "cifar-100-binary", "cifar100")
    archive = repository / "gluon" / "dataset" / "cifar100" / "cifar-100-binary.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "made" / "cifar-100-binary", "cifar-100-binary")
    monkeypatch.setitem(cifar.ARCHIVES, "cifar100", (archive.name, sha1(archive)))
    return archive


def test_cifar_is_fetched_checked_and_unpacked(served_cifar, tmp_path):
    folder = tmp_path / "data"
    assert len(load_dataset("cifar100", str(folder)).train) == 20
    assert sorted(path.name for path in folder.iterdir()) == ["test.bin", "train.bin"]
    served_cifar.unlink()
    assert len(load_dataset("cifar100", str(folder)).train) == 20


def test_the_users_own_files_stay(served_cifar, tmp_path):
    own = write_cifar(tmp_path / "data", "cifar100", train=3, seed=5)["train.bin"].tobytes()
    (tmp_path / "data" / "test.bin").unlink()
    data = load_dataset("cifar100", str(tmp_path / "data"))
    assert (len(data.train), len(data.test)) == (3, 10)
    assert (tmp_path / "data" / "train.bin").read_bytes() == own


def test_a_folder_that_cannot_be_is_refused_before_the_download(repository, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(aff.InputError, match="file is no folder that can be written to"):
        load_dataset("cifar100", str(tmp_path / "file" / "data"))


@pytest.mark.parametrize("damage", ["corrupted", "truncated", "missing"])
def test_nothing_is_left_of_a_bad_download(served_cifar, tmp_path, damage):
    content = served_cifar.read_bytes()
    served_cifar.unlink()
    if damage != "missing":
        served_cifar.write_bytes(content[:-100] if damage == "truncated" else content[:-1] + b"!")
    folder = tmp_path / "data"
    with pytest.raises(aff.InputError, match="put train.bin, test.bin .*data_dir") as error:
        load_dataset("cifar100", str(folder))
    assert ("could not be downloaded" if damage == "missing" else "does not fit SHA-1") in str(
        error.value
    )
    assert not folder.exists()


def test_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MXNET_GLUON_REPO", "http://127.0.0.1:9/")
    with pytest.raises(
        aff.InputError, match="fashion-mnist is not in .*apt-get install dataset-fashion-mnist"
    ):
        load_dataset("fashion-mnist", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_fashion_mnist_is_fetched(repository, tmp_path, monkeypatch):
    folder = repository / "gluon" / "dataset" / "fashion-mnist"
    folder.mkdir(parents=True)
    sums = {}
    for name in fashion_mnist.FASHION_MNIST:
        write_idx(folder / f"{name}.gz", np.zeros((5, 28, 28) if "images" in name else 5))
        sums[name] = sha1(folder / f"{name}.gz")
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", sums)
    assert len(load_dataset("fashion-mnist", str(tmp_path / "data")).test) == 5


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    evil = tmp_path / "evil.tar"
    (tmp_path / "payload").write_bytes(b"x")
    with tarfile.open(evil, "w") as tar:
        tar.add(tmp_path / "payload", "../../escaped")
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    target = tmp_path / "deep" / "er"
    target.mkdir(parents=True)
    fetch.unpack(str(evil), str(target))
    assert [path.name for path in target.iterdir()] == ["escaped"]
    assert not (tmp_path / "escaped").exists()
