"""How fast one network infers in the runtimes that it can be exported to, beside each other."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Callable, Dict

import mxnet as mx
import numpy as np

from ..export.networks import as_function, open_onnx, torch_network
from ..export.source import describe_source
from ..export.write import Options, export_network
from ..models.factory import resolve_model
from ..models.inference import optimize_for_inference
from ..models.parameters import save_parameters
from ..models.registry import find_family, full_arguments
from .networks import SEED, Case
from .progress import Watch
from .timing import interleaved, rate

BATCHES = (1, 32)
Run = Callable[[np.ndarray], Any]


def measure_runtimes(
    case: Case, fusion: str, rounds: int, watch: Watch = iter
) -> Dict[int, Dict[str, float]]:
    """Measure inference on the CPU: mxnet, compiled and optimized for inference, onnxruntime, and
    PyTorch in both memory layouts.

    Parameters
    ----------
    case : Case
        The network and the size of its images.
    fusion : str
        Name of its fusion.
    rounds : int
        Values of which each figure is the median.
    watch : callable, optional
        Wraps the rounds.

    Returns
    -------
    dict of int to dict of str to float
        For each size of a batch images a second, by runtime.

    Raises
    ------
    InputError
        Where a runtime is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs = _open_all(case, fusion, folder)
        return {batch: _measured(runs, case.size, batch, rounds, watch) for batch in BATCHES}


def _measured(
    runs: Dict[str, Run], size: int, batch: int, rounds: int, watch: Watch
) -> Dict[str, float]:
    data = np.random.default_rng(SEED).standard_normal((batch, 3, size, size)).astype(np.float32)
    actions = {name: (lambda run=run: run(data)) for name, run in runs.items()}
    taken = interleaved(actions, rounds, watch=watch)
    return {name: rate(batch, seconds) for name, seconds in taken.items()}


def _open_all(case: Case, fusion: str, folder: str) -> Dict[str, Run]:
    model, _ = resolve_model(case.model)
    family, depth = find_family(model)
    kwargs = family.checked(depth, {**case.kwargs, "fusion": fusion})
    kwargs = {**kwargs, "classes": full_arguments(model, kwargs)["classes"]}
    plain, path = case.network(fusion, mx.cpu()), os.path.join(folder, "network.params")
    save_parameters(plain, path)
    source = describe_source("network", model, kwargs, path, input_size=case.size)
    for target in ("onnx", "pytorch"):
        build = lambda: case.network(fusion, mx.cpu())  # noqa: E731
        export_network(build, source, target, folder, Options(), check=False)
    optimized = optimize_for_inference(case.network(fusion, mx.cpu()))
    plain.hybridize(static_alloc=True, static_shape=True)
    last = torch_network(os.path.join(folder, "network.safetensors"), model, kwargs)
    torch = as_function(torch_network(os.path.join(folder, "network.safetensors"), model, kwargs))
    return {
        "mxnet": _of_mxnet(plain),
        "mxnet, optimized": _of_mxnet(optimized),
        "onnxruntime": open_onnx(os.path.join(folder, "network.onnx")),
        "PyTorch": torch,
        "PyTorch, channels_last": as_function(last, channels_last=True),
    }


def _of_mxnet(net) -> Run:
    return lambda data: net(mx.nd.array(data)).asnumpy()


def runtimes_table(found: Dict[int, Dict[str, float]]) -> list:
    """Return the lines of a table, ratios to mxnet's, and what to deploy at each size of a
    batch.
    """
    names = list(found[BATCHES[0]])
    rows = [["", *(f"batch {batch}" for batch in found)]]
    for name in names:
        cells = (f"{f[name]:.1f} images/s ({f[name] / f['mxnet']:.2f})" for f in found.values())
        rows.append([name, *cells])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  " + "  ".join(f"{c:<{w}}" for c, w in zip(row, widths)).rstrip() for row in rows]
    best = {batch: max(rates, key=lambda name: rates[name]) for batch, rates in found.items()}
    told = ", ".join(f"{name} at batch {batch}" for batch, name in best.items())
    return [*lines, f"  fastest here: {told}"]
