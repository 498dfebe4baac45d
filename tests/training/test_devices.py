"""Which devices a run gets, on machines with and without GPUs (faked)."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.training import devices


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(devices, "probe", lambda device: None)
    return lambda gpus: monkeypatch.setattr(devices, "num_gpus", lambda: gpus)


@pytest.mark.skipif(devices.num_gpus() > 0, reason="takes a machine that cannot compute on GPUs")
def test_a_gpu_without_kernels_is_refused(monkeypatch):
    monkeypatch.setattr(
        devices, "num_gpus", lambda: 1
    )  # this build of mxnet cannot compute on it, as on a new GPU
    with pytest.raises(
        aff.InputError, match=r"mxnet cannot compute on gpu\(0\) .*compute capability 5.0 to 8.6"
    ):
        devices.choose_devices("0", None)


class FakeDriver:
    """NVIDIA's driver with one GPU of compute capability 9.0."""

    def cuInit(self, flags):
        return 0

    def cuDeviceGet(self, device, index):
        return 0 if index == 0 else 101

    def cuDeviceGetName(self, name, length, device):
        name.value = b"NVIDIA H100"

    def cuDeviceGetAttribute(self, part, attribute, device):
        part._obj.value = {75: 9, 76: 0}[attribute]


@pytest.mark.parametrize(
    "found, count, gpus, expected",
    [
        (4, 2, None, [mx.gpu(0), mx.gpu(1)]),
        (4, 2, "1,3", [mx.gpu(1), mx.gpu(3)]),
        (4, 0, "3", [mx.gpu(3)]),  # as a file of settings may say it
        (4, 0, "", [mx.cpu()]),
        (0, 0, "", [mx.cpu()]),
        (2, 1, "2", "name 0 to 1"),
        (1, 2, "0,1", "append {gpus} 0"),
        (0, 2, "0,1", "append {gpus} '' {dtype} float32"),
        (1, 2, None, "append {num_gpus} 1"),
        (0, 2, None, "append {num_gpus} 0 {dtype} float32"),
    ],
)
def test_gpus_by_count_or_number(machine, found, count, gpus, expected):
    machine(found)
    if isinstance(expected, list):
        assert devices.choose_gpus(count, None, gpus) == expected
        return
    with pytest.raises(aff.InputError) as refused:
        devices.choose_gpus(count, None, gpus)
    assert expected in refused.value.message


def test_a_gpu_that_is_too_new_is_named(monkeypatch):
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: FakeDriver())
    monkeypatch.setattr(devices, "num_gpus", lambda: 1)
    assert devices.describe_gpu(1) == ("", (0, 0))
    with pytest.raises(
        aff.InputError, match=r"gpu\(0\) is a NVIDIA H100 of compute capability 9\.0"
    ):
        devices.choose_gpus(1, None)


@pytest.mark.parametrize(
    "found, gpus, cpus, expected",
    [
        (0, None, None, [mx.cpu()]),
        (0, "", None, [mx.cpu()]),
        (2, None, None, [mx.gpu(0)]),
        (2, "", None, [mx.cpu()]),
        (4, "0,2", None, [mx.gpu(0), mx.gpu(2)]),
        (4, " 3 , 1", None, [mx.gpu(3), mx.gpu(1)]),
        (4, "0,1", 2, [mx.cpu(0), mx.cpu(1)]),
    ],
)
def test_choice_without_a_warning(machine, found, gpus, cpus, expected):
    machine(found)
    assert devices.choose_devices(gpus, cpus) == (expected, None)


@pytest.mark.parametrize("gpus", ["0", "0,1,2"])
def test_without_any_gpu_the_cpu_is_used_and_said(machine, gpus):
    machine(0)
    chosen, warning = devices.choose_devices(gpus, None)
    assert chosen == [mx.cpu()]
    assert (
        f"NO GPU ON THIS MACHINE, or mxnet without GPU support: using the CPU in place of {{gpus}} "
        f"{gpus}" in warning
    )
    assert ("3 times smaller" in warning) == (gpus == "0,1,2")


def test_a_gpu_that_is_not_there_is_refused(machine):
    machine(2)
    with pytest.raises(aff.InputError, match="no GPU 2 on this machine, which has 2: name 0 to 1"):
        devices.choose_devices("0,2", None)


@pytest.mark.parametrize("gpus", ["a", "0,0", "-1", "0,,1", "0;1", "1.5"])
def test_bad_numbers(machine, gpus):
    machine(4)
    with pytest.raises(aff.InputError, match="gpus takes"):
        devices.choose_devices(gpus, None)


@pytest.mark.parametrize("cpus", [0, -1, 65])
def test_bad_cpus(cpus):
    with pytest.raises(aff.InputError, match="cpus takes 1 to 64"):
        devices.choose_devices(None, cpus)


def test_shares_cover_the_batch_once():
    batch = np.arange(7, dtype=np.float32)
    parts = devices.split(batch, [mx.cpu(i) for i in range(3)], "float32")
    np.testing.assert_array_equal(np.concatenate([part.asnumpy() for part in parts]), batch)
    assert [part.context for part in parts] == [mx.cpu(0), mx.cpu(1), mx.cpu(2)]
    assert len(devices.split(batch[:2], [mx.cpu(i) for i in range(3)], "float32")) == 2
