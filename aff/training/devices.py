"""Which devices a run uses, and how a batch is shared out among them."""

from __future__ import annotations

import ctypes
from typing import List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ..utils.errors import InputError, last_line

MAX_CPU_DEVICES = 64
#: Numbers of NVIDIA's driver for the two parts of a compute capability.
CAPABILITY = (75, 76)
NEWEST_MAJOR = 8
KERNELS = (
    "mxnet 1.9.1 has kernels for compute capability 5.0 to 8.6 (which 8.9 runs too), not for newer "
    "GPUs; {gpus} '' (or {num_gpus} 0) uses the CPU"
)


def num_gpus() -> int:
    """Count the GPUs that mxnet can see: 0 for its CPU build and where there is no driver."""
    try:
        return mx.context.num_gpus()
    except mx.MXNetError:
        return 0


def parse_gpus(text: str) -> List[int]:
    """Return GPU numbers: ``'0,1,2'`` to ``[0, 1, 2]``; an empty text names none.

    Raises
    ------
    InputError
        For anything but distinct numbers of at least 0.
    """
    try:
        gpus = [int(part) for part in text.split(",")] if text.strip() else []
    except ValueError:
        raise InputError(
            f"{{gpus}} takes numbers separated by commas, such as 0,1: got {text!r}"
        ) from None
    if len(set(gpus)) != len(gpus) or any(gpu < 0 for gpu in gpus):
        raise InputError(f"{{gpus}} takes distinct numbers of at least 0: got {text!r}")
    return gpus


def choose_devices(
    gpus: Optional[str], cpus: Optional[int]
) -> Tuple[List[mx.Context], Optional[str]]:
    """Return the devices of a run.

    Parameters
    ----------
    gpus : str, optional
        GPU numbers; None takes the first GPU where there is one, an empty text none.
    cpus : int, optional
        Number of CPU devices to use in place of any GPU; they compute side by side what as many
        GPUs would.

    Returns
    -------
    devices : list of Context
        At least one.
    warning : str or None
        What to tell the user, where `gpus` had to be replaced.

    Raises
    ------
    InputError
        Where there are GPUs but not the named ones.
    """
    if cpus is not None:
        if not 1 <= cpus <= MAX_CPU_DEVICES:
            raise InputError(f"{{cpus}} takes 1 to {MAX_CPU_DEVICES} devices, got {cpus}")
        return [mx.cpu(i) for i in range(cpus)], None
    found = num_gpus()
    named = ([0] if found else []) if gpus is None else parse_gpus(gpus)
    if not named:
        return [mx.cpu()], None
    if not found:
        smaller = (
            (
                f"; the batch over all devices is {len(named)} times smaller than on {{gpus}} "
                f"{gpus} ({{cpus}} {len(named)} would keep it, in that many times the memory)"
            )
            if len(named) > 1
            else ""
        )
        return [mx.cpu()], (
            "NO GPU ON THIS MACHINE, or mxnet without GPU support: using the CPU in place of "
            f"{{gpus}} {gpus}, which is far slower{smaller}"
        )
    missing = [gpu for gpu in named if gpu >= found]
    if missing:
        raise InputError(
            f"{{gpus}} {gpus}: no GPU {missing[0]} on this machine, which has {found}: name 0 to "
            f"{found - 1}"
        )
    chosen = [mx.gpu(gpu) for gpu in named]
    for device in chosen:
        probe(device)
    return chosen, None


def choose_gpus(count: int, cpus: Optional[int], gpus: Optional[str] = None) -> List[mx.Context]:
    """Return the first `count` GPUs, or the CPU for 0 of them, or those that `gpus` numbers, or
    `cpus` CPU devices in place of any.

    Raises
    ------
    InputError
        Where there are fewer GPUs, or not those.
    """
    found = num_gpus()
    named = list(range(count)) if gpus is None else parse_gpus(gpus)
    if cpus is None and len(named) > found:
        asked, none = ("num_gpus", "0") if gpus is None else ("gpus", "''")
        some = ",".join(map(str, range(found))) if gpus else found
        way_out = f"{{{asked}}} {some}" if found else f"{{{asked}}} {none} {{dtype}} float32"
        raise InputError(
            f"{{{asked}}} {count if gpus is None else gpus}: this machine has {found or 'no'} GPU"
            f"{'' if found == 1 else 's'} that mxnet can use: append {way_out}"
            f"{'' if found else ' (the CPU)'}"
        )
    devices, _ = choose_devices(",".join(map(str, named)), cpus)
    return devices


def describe_gpu(index: int) -> Tuple[str, Tuple[int, int]]:
    """Return the name and compute capability of a GPU, as NVIDIA's driver gives them; ``('', (0,
    0))`` where it does not.
    """
    name, device, part = ctypes.create_string_buffer(100), ctypes.c_int(), ctypes.c_int()
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        driver.cuInit(0)
        if driver.cuDeviceGet(ctypes.byref(device), index):
            return "", (0, 0)
        driver.cuDeviceGetName(name, len(name), device)
        capability = []
        for attribute in CAPABILITY:
            driver.cuDeviceGetAttribute(ctypes.byref(part), attribute, device)
            capability.append(part.value)
        return name.value.decode(errors="replace"), (capability[0], capability[1])
    except (OSError, AttributeError):
        return "", (0, 0)


def probe(device: mx.Context) -> None:
    """Make sure that mxnet can compute on a device, by running one operator.

    Raises
    ------
    InputError
        Where mxnet cannot, as on a GPU that it has no machine code for.
    """
    if device.device_type == "gpu":
        name, (major, minor) = describe_gpu(device.device_id)
        if major > NEWEST_MAJOR:
            raise InputError(
                f"{device} is a {name} of compute capability {major}.{minor}: {KERNELS}"
            )
    try:
        (mx.nd.ones(1, ctx=device) + 1).wait_to_read()
    except mx.MXNetError as error:
        raise InputError(
            f"mxnet cannot compute on {device} ({last_line(error)}): {KERNELS}"
        ) from error


def split(array: np.ndarray, devices: Sequence[mx.Context], dtype: str) -> List[mx.nd.NDArray]:
    """Split a batch along its first axis into near-equal parts, one on each device, which casts it;
    devices without a part get none.
    """
    parts = np.array_split(array, len(devices))
    return [
        mx.nd.array(part, ctx=device, dtype="float32").astype(dtype, copy=False)
        for part, device in zip(parts, devices)
        if len(part)
    ]
