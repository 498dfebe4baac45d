"""What the tests share: a tiny data set, CIFAR and IDX files made on the spot, and a way to run
commands.
"""

import gzip
import os
import re
import struct
import subprocess
import sys

import aff  # noqa: F401, isort: skip  (before mxnet: it restores NumPy's aliases)

import matplotlib
import numpy as np
import pytest

from aff.data import DataSet, Split

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#: A photograph that every installation of matplotlib has, 512 x 600 pixels.
PHOTOGRAPH = os.path.join(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")


def has_no_gradient(name):
    """Whether a parameter of a network with AFF or iAFF is a bias that BatchNorm's mean cancels, in
    training. The native operator gives it a gradient of just 0; mxnet's operators, one of rounding.
    """
    from aff.nn.native import operator  # noqa: PLC0415  (it compiles)

    bias = re.search(r"attention\.(local|global)_att2?\.\d\.bias$", name)
    return bool(bias) and not operator.why_not()


@pytest.fixture(scope="session", autouse=True)
def any_width():
    """Lines are not folded, whatever terminal the tests are run on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


def tiny_split(samples, size=8, classes=4, seed=0):
    """Images whose brightness tells their class, so that a network can learn them."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(samples) % classes).astype(np.int32)
    images = rng.integers(0, 60, size=(samples, 3, size, size)) + 60 * labels[:, None, None, None]
    return Split(images.astype(np.uint8), labels)


@pytest.fixture(scope="session")
def tiny_data():
    """24 training and 10 test images of 8x8 in 4 classes."""
    return DataSet(
        name="tiny",
        classes=4,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        train=tiny_split(24),
        test=tiny_split(10, seed=1),
        mirror=True,
        pad=1,
    )


def write_idx(path, array):
    """Write an IDX file of unsigned bytes, gzipped where the name ends so."""
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with (gzip.open if str(path).endswith(".gz") else open)(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())


def write_cifar(folder, name, train=20, test=10, seed=0):
    """Write the files of CIFAR-10 or CIFAR-100 with random images; returns the records by file
    name.
    """
    rng = np.random.default_rng(seed)
    files = (
        {f"data_batch_{i}.bin": train for i in range(1, 6)}
        if name == "cifar10"
        else {"train.bin": train}
    )
    files.update({"test_batch.bin" if name == "cifar10" else "test.bin": test})
    os.makedirs(folder, exist_ok=True)
    written = {}
    for file, count in files.items():
        labels = (
            [rng.integers(0, 10, (count, 1))]
            if name == "cifar10"
            else [rng.integers(0, 20, (count, 1)), rng.integers(0, 100, (count, 1))]
        )
        records = np.hstack([*labels, rng.integers(0, 256, (count, 3072))]).astype(np.uint8)
        records.tofile(os.path.join(folder, file))
        written[file] = records
    return written


def python_environment():
    """Variables of a process that runs the repository's code."""
    return {**os.environ, "PYTHONPATH": ROOT}


def run_python(*arguments, cwd=ROOT, **environment):
    """Run this Python on the repository's code; returns the finished process with its output."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        text=True,
        capture_output=True,
        timeout=600,
        env={**python_environment(), **environment},
        check=False,
    )


def assert_one_line_error(finished, *parts, code=2):
    """The process ended with this exit code and one line on standard error that holds all the
    parts.
    """
    assert finished.returncode == code, finished.stderr
    lines = finished.stderr.strip().splitlines()
    assert len(lines) == 1, finished.stderr
    for part in parts:
        assert str(part) in lines[0]
