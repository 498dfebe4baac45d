"""Where a training step's time goes, by operator, on a CPU: Add, the literal formulas, and ours.

python benchmarks/profile_operators.py [small|cifar|imagenet] [FUSION ...]
"""

import os

os.environ["MXNET_EXEC_BULK_EXEC_TRAIN"] = "0"  # or the profiler sees blocks of operators

import re
import sys
import tempfile

import aff  # noqa: F401, isort: skip  (before mxnet)

import mxnet as mx

from aff.bench.networks import training_step
from aff.cli.bench import CASES

STEPS = 5


def profile(step):
    """Milliseconds and calls of each operator in one step."""
    for _ in range(2):
        step()
    with tempfile.TemporaryDirectory() as folder:
        mx.profiler.set_config(
            profile_symbolic=True,
            profile_imperative=True,
            aggregate_stats=True,
            filename=f"{folder}/profile.json",
        )
        mx.profiler.set_state("run")
        for _ in range(STEPS):
            step()
        mx.profiler.set_state("stop")
        text = mx.profiler.dumps(reset=True)
    rows = re.findall(r"^(\w+)\s+(\d+)\s+([\d.]+)", text, re.M)
    return {
        name: (float(total) / STEPS, int(calls) / STEPS)
        for name, calls, total in rows
        if not name.startswith(("MX", "Delete"))  # the engine's own calls
    }


def main():
    """Print a table of milliseconds a step, a column each fusion."""
    case = CASES[sys.argv[1] if len(sys.argv) > 1 else "small"]
    fusions = sys.argv[2:] or ["Add", "AFF:literal", "AFF"]
    found = {fusion: profile(training_step(case, fusion, mx.cpu())) for fusion in fusions}
    last = found[fusions[-1]]
    names = sorted(
        {name for rows in found.values() for name in rows},
        key=lambda name: -max(rows.get(name, (0, 0))[0] for rows in found.values()),
    )
    print("| operator | " + " | ".join(f"{fusion}, ms (calls)" for fusion in fusions) + " |")
    print("| --- |" + " ---: |" * len(fusions))
    for name in names:
        if max(rows.get(name, (0, 0))[0] for rows in found.values()) < 0.005 * sum(
            value for value, _ in last.values()
        ):
            continue
        cells = [found[fusion].get(name) for fusion in fusions]
        shown = [f"{cell[0]:.1f} ({cell[1]:.0f})" if cell else "" for cell in cells]
        print(f"| {name} | " + " | ".join(shown) + " |")
    totals = [sum(value for value, _ in found[fusion].values()) for fusion in fusions]
    print("| all | " + " | ".join(f"{total:.1f}" for total in totals) + " |")


if __name__ == "__main__":
    main()
