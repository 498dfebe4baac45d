"""Fashion-MNIST's files."""

import numpy as np
import pytest

import aff
from aff.data import load_dataset

from ...conftest import write_idx


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_fashion_mnist_from_files(tmp_path, suffix):
    rng = np.random.default_rng(0)
    images = {
        "train": rng.integers(0, 256, (12, 28, 28)),
        "t10k": rng.integers(0, 256, (5, 28, 28)),
    }
    for part, values in images.items():
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{suffix}", values)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{suffix}", np.arange(len(values)) % 10)
    data = load_dataset("fashion-mnist", str(tmp_path))
    np.testing.assert_array_equal(data.train.images[:, 0], images["train"])
    np.testing.assert_array_equal(data.test.labels, np.arange(5))
    assert (data.classes, data.size) == (10, 28)


def test_mean_and_std_are_those_of_the_images():
    try:
        data = load_dataset("fashion-mnist")
    except aff.InputError:
        pytest.skip("Fashion-MNIST is not on this machine")
    assert data.train.images.mean() / 255 == pytest.approx(data.mean[0], abs=5e-4)
    assert data.train.images.std() / 255 == pytest.approx(data.std[0], abs=5e-4)
