"""CIFAR's binary files: what is read from them, what damaged or missing ones say."""

import numpy as np
import pytest

import aff
from aff.data import load_dataset
from aff.data.datasets import cifar

from ...conftest import write_cifar


def pixels(records, label_bytes):
    return records[:, label_bytes:].reshape(-1, 3, 32, 32)


def test_cifar10(tmp_path):
    files = write_cifar(tmp_path, "cifar10")
    data = load_dataset("cifar10", str(tmp_path))
    expected = np.concatenate([files[f"data_batch_{i}.bin"] for i in range(1, 6)])
    np.testing.assert_array_equal(data.train.images, pixels(expected, 1))
    np.testing.assert_array_equal(data.train.labels, expected[:, 0])
    np.testing.assert_array_equal(data.test.labels, files["test_batch.bin"][:, 0])
    assert (data.classes, data.label_set, data.mirror) == (10, None, True)


@pytest.mark.parametrize("labels, column", [(None, 1), ("fine", 1), ("coarse", 0)])
def test_cifar100_label_sets(tmp_path, labels, column):
    files = write_cifar(tmp_path, "cifar100")
    data = load_dataset("cifar100", str(tmp_path), labels)
    np.testing.assert_array_equal(data.train.labels, files["train.bin"][:, column])
    np.testing.assert_array_equal(data.test.images, pixels(files["test.bin"], 2))
    assert data.classes == 100
    assert data.label_set == (labels or "fine")


def test_an_unpacked_archive_serves(tmp_path):
    write_cifar(tmp_path / "cifar-100-binary", "cifar100")
    assert len(load_dataset("cifar100", str(tmp_path)).test) == 10


def test_unofficial_files_are_noted_and_official_ones_are_not(tmp_path, monkeypatch):
    write_cifar(tmp_path, "cifar10")
    assert (
        "not the published files: data_batch_1.bin" in load_dataset("cifar10", str(tmp_path)).source
    )
    monkeypatch.setattr(cifar, "is_official", lambda path, sha1: True)
    assert load_dataset("cifar10", str(tmp_path)).source == str(tmp_path)


def test_truncated(tmp_path):
    write_cifar(tmp_path, "cifar100")
    path = tmp_path / "train.bin"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(
        aff.InputError, match=f"{path}: ends at byte {20 * 3074 - 5}, within record 19"
    ):
        load_dataset("cifar100", str(tmp_path))


def test_empty(tmp_path):
    write_cifar(tmp_path, "cifar100")
    (tmp_path / "test.bin").write_bytes(b"")
    with pytest.raises(aff.InputError, match="test.bin: ends at byte 0"):
        load_dataset("cifar100", str(tmp_path))


@pytest.mark.parametrize("labels, column, bad", [("fine", 1, 100), ("coarse", 0, 20)])
def test_labels_out_of_range(tmp_path, labels, column, bad):
    records = write_cifar(tmp_path, "cifar100")["train.bin"].copy()
    records[7, column] = bad
    records.tofile(tmp_path / "train.bin")
    with pytest.raises(
        aff.InputError, match=f"train.bin: record 7: label {bad} is not in 0..{bad - 1}"
    ):
        load_dataset("cifar100", str(tmp_path), labels)


def test_labels_flag_is_for_cifar100(tmp_path):
    for name in ("cifar10", "digits", "fashion-mnist"):
        with pytest.raises(aff.InputError, match="labels is for cifar100"):
            load_dataset(name, None, "fine")
    with pytest.raises(aff.InputError, match="unknown label set.*fine, coarse"):
        load_dataset("cifar100", str(tmp_path), "super")


def test_unknown_data_set():
    with pytest.raises(aff.InputError, match="did you mean 'cifar100'"):
        load_dataset("cifar1000")
