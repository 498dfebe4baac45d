"""How fast networks train beside PyTorch, on a CPU: processes in turns, each figure a median.

python benchmarks/against_pytorch.py [small|cifar|imagenet ...] [--fusions AFF iAFF] [--rounds 3]
                                     [--modes mxnet eager channels_last compile] [--json FILE]

PyTorch trains the module that `aff export --to pytorch` writes. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median

import aff  # noqa: F401, isort: skip  (before mxnet)

import mxnet as mx

from aff.bench.networks import training_step
from aff.cli.bench import CASES
from aff.compat import available_cpus
from aff.export.pytorch_file import architecture, torch_form
from aff.models.registry import find_family

MODES = ("mxnet", "eager", "channels_last", "compile")
#: Steps before the clock runs, and seconds that it runs for at least.
WARM, SECONDS = 3, 4.0


def torch_step(case, fusion, mode):
    """A training step of the exported module, as `training_step` is of ours."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(available_cpus())
    family, depth = find_family(case.model)
    kwargs = family.checked(depth, {**case.kwargs, "fusion": fusion})
    net = torch_form(case.model).network()(**architecture(case.model, kwargs)).train()
    layout = torch.contiguous_format if mode == "eager" else torch.channels_last
    net = net.to(memory_format=layout)
    rule = torch.optim.SGD(net.parameters(), 1e-4, momentum=0.9, nesterov=True, weight_decay=1e-4)
    data, targets = (torch.from_numpy(array) for array in case.batch(kwargs["classes"]))
    data = data.to(memory_format=layout)
    run = torch.compile(net) if mode == "compile" else net

    def step():
        rule.zero_grad()
        torch.nn.functional.cross_entropy(run(data), targets).backward()
        rule.step()

    return step


def measure(name, fusion, mode):
    """Images a second in this process."""
    case = CASES[name]
    ours = mode == "mxnet"
    step = training_step(case, fusion, mx.cpu()) if ours else torch_step(case, fusion, mode)
    for _ in range(WARM):
        step()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS or count < 2:
        step()
        count += 1
    return case.batch_size * count / (time.perf_counter() - begin)


def in_process(*what):
    """What `measure` gives in a process of its own."""
    command = [sys.executable, os.path.abspath(__file__), "--measure", *what]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or ["it ended"])[-1]
        raise SystemExit(f"{' '.join(what)}: {last}")
    return float(finished.stdout.splitlines()[-1])


def main():
    """Measure all in turns and print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(CASES))
    parser.add_argument("--fusions", nargs="+", default=["Add", "AFF", "iAFF"])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(measure(*arguments.measure))
        return
    found = {}
    for name in arguments.networks or ["small", "cifar"]:
        rates = {(fusion, mode): [] for fusion in arguments.fusions for mode in arguments.modes}
        for _ in range(arguments.rounds):
            for (fusion, mode), values in rates.items():
                values.append(in_process(name, fusion, mode))
        print(f"{name}: images/s; ours against PyTorch's best")
        for fusion in arguments.fusions:
            row = {mode: median(rates[fusion, mode]) for mode in arguments.modes}
            found.setdefault(name, {})[fusion] = row
            best = max((rate for mode, rate in row.items() if mode != "mxnet"), default=0)
            times = f"  {row['mxnet'] / best:.2f}" if best and "mxnet" in row else ""
            cells = "  ".join(f"{mode} {rate:.1f}" for mode, rate in row.items())
            print(f"  {fusion:<6} {cells}{times}", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": arguments.rounds, "images_per_second": found}, file, indent=1)


if __name__ == "__main__":
    main()
