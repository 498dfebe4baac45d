"""How fast networks train and infer, and how much memory that takes: fusions beside each other."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..models.factory import get_model, resolve_model
from ..models.inference import optimize_for_inference
from ..models.registry import find_family
from ..nn.forms import CPU, GPU, choose_form
from ..nn.fusion import resolve_fusion
from ..nn.reference import REFERENCE, make_literal
from ..training.lr_scheduler import create_schedule
from ..training.network import hybridize
from ..training.task import Segmentation, Task
from ..training.trainer import Trainer
from ..utils.errors import InputError, RunError, last_line
from .progress import Watch
from .timing import interleaved, rate

#: Behind a fusion's name: computed as its formula reads; by Gluon's operators alone.
LITERAL, GLUON = ":literal", ":gluon"
SEED = 0


def check_fusion(fusion: str) -> str:
    """Return a fusion's name without ``:literal`` or ``:gluon``.

    Raises
    ------
    InputError
        Where there is no such fusion, or no formula of it.
    """
    name = fusion
    for ending in (LITERAL, GLUON):
        if fusion.endswith(ending):
            name = fusion[: -len(ending)]
    if resolve_fusion(name) not in REFERENCE and fusion.endswith(LITERAL):
        raise InputError(f"{fusion}: aff.nn.reference has no formula of it")
    return name


@dataclass(frozen=True)
class Case:
    """A network with the size of its input.

    Parameters
    ----------
    model, kwargs : str and dict
        As `aff.get_model` takes them, without the fusion.
    batch_size : int
        Images of a batch.
    size : int
        Their height and width.
    """

    model: str
    kwargs: Dict[str, Any] = field(default_factory=dict)
    batch_size: int = 32
    size: int = 32

    @property
    def segments(self) -> bool:
        """Whether the network gives a class to every pixel."""
        return find_family(resolve_model(self.model)[0])[0].kind == "segmentation"

    def network(self, fusion: str, device: mx.Context) -> HybridBlock:
        """Return the network with a fusion, which may end in ``:literal`` or ``:gluon``."""
        mx.random.seed(SEED)
        name = check_fusion(fusion)
        net = get_model(self.model, fusion=name, ctx=device, **self.kwargs)
        if fusion.endswith(GLUON):
            choose_form(net, GPU if device.device_type == "gpu" else CPU)
        elif fusion != name and not make_literal(net):
            raise InputError(f"{fusion}: {self.model} has no block that could be computed so")
        return net

    def batch(self, classes: int):
        """Return one batch of noise, (data, targets): a class of each image, one-hot, or of each
        pixel.
        """
        rng = np.random.default_rng(SEED)
        sides = (self.size, self.size)
        data = rng.standard_normal((self.batch_size, 3, *sides)).astype(np.float32)
        if self.segments:
            labels = rng.integers(classes, size=(self.batch_size, *sides))
            return data, labels.astype(np.float32)
        return data, np.eye(classes, dtype=np.float32)[rng.integers(classes, size=self.batch_size)]


def training_step(case: Case, fusion: str, device: mx.Context) -> Callable[[], object]:
    """Return a training step as runs make it (forward, backward, update, sums), to its end."""
    net = case.network(fusion, device)
    hybridize(net)
    task = Segmentation() if case.segments else Task()
    loop = Trainer(net, [device], create_schedule(1e-4, 1, 1), task=task)
    batch = case.batch(net(mx.nd.zeros((1, 3, case.size, case.size), ctx=device)).shape[1])
    return lambda: (loop.train_epoch([batch], 0), mx.nd.waitall())


def training(
    case: Case, fusions: Sequence[str], device: mx.Context, rounds: int, watch: Watch = iter
) -> Dict[str, float]:
    """Return images a second in training, by fusion; `watch` wraps the rounds."""
    steps = {fusion: training_step(case, fusion, device) for fusion in fusions}
    taken = interleaved(steps, rounds, watch=watch)
    return {fusion: rate(case.batch_size, seconds) for fusion, seconds in taken.items()}


def inference(
    case: Case, fusions: Sequence[str], device: mx.Context, rounds: int, watch: Watch = iter
) -> Dict[str, float]:
    """Return images a second in inference, by fusion; ``<fusion>, optimized`` is what
    `optimize_for_inference` makes of it. `watch` wraps the rounds.
    """
    data = mx.nd.array(case.batch(2)[0], ctx=device)
    nets: Dict[str, HybridBlock] = {}
    for fusion in fusions:
        plain = case.network(fusion, device)
        if device.device_type == "cpu":
            nets[f"{fusion}, optimized"] = optimize_for_inference(case.network(fusion, device))
        plain.hybridize(static_alloc=True, static_shape=True)
        nets[fusion] = plain
    actions = {name: (lambda net=net: net(data).wait_to_read()) for name, net in nets.items()}
    taken = interleaved(actions, rounds, watch=watch)
    return {name: rate(case.batch_size, seconds) for name, seconds in taken.items()}


def peak_memory(
    case: Case, fusions: Sequence[str], watch: Watch = iter, imports: Sequence[str] = ()
) -> Dict[str, float]:
    """Return the peak memory of a process that trains on a CPU, in GB, by fusion; empty where the
    system does not tell (elsewhere than on Linux). `watch` wraps the fusions; `imports` are modules
    that register some of them.
    """
    if not os.path.exists("/proc/self/status"):
        return {}
    return {fusion: _measured(case, fusion, imports) for fusion in watch(fusions)}


def _measured(case: Case, fusion: str, imports: Sequence[str]) -> float:
    described = {**asdict(case), "fusion": fusion, "imports": list(imports)}
    command = [sys.executable, "-m", __name__, json.dumps(described)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        reason = (finished.stderr.strip().splitlines() or ["out of memory"])[-1]
        raise RunError(f"{case.model} with {fusion} does not train here: {reason}")
    return float(finished.stdout.splitlines()[-1])  # imported modules may print, too


def main(arguments: List[str]) -> None:
    """Train some steps in this process and print its peak memory in GB."""
    described = json.loads(arguments[0])
    fusion = described.pop("fusion")
    for name in described.pop("imports"):
        importlib.import_module(name)
    try:
        step = training_step(Case(**described), fusion, mx.cpu())
        for _ in range(3):
            step()
    except (mx.MXNetError, MemoryError) as error:
        raise SystemExit(last_line(error) or "out of memory") from None
    with open("/proc/self/status", encoding="ascii") as file:  # getrusage knows the parent's too
        print(next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / 1e9)


if __name__ == "__main__":
    main(sys.argv[1:])
