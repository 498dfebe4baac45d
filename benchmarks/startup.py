"""Start-up of a CIFAR-sized run: seconds from the command to the end of its first step, and memory
with the data set loaded, before the network takes its own.

    python benchmarks/startup.py
"""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

import numpy as np

RUNS = 5
#: The script, stopped behind its first step. argv: when it was started, and the script's flags.
PROGRAM = """
import sys, os, time
sys.argv[0] = "train_cifar.py"
started = float(sys.argv.pop(1))
import aff
aff.get_model
from aff.cli.main import run_script
from aff.training.trainer import Trainer
step = Trainer.train_step

def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1e3

def first(self, data, targets, meter):
    before = resident()
    step(self, data, targets, meter)
    meter.finish()
    print(time.time() - started, before, flush=True)
    os._exit(0)

Trainer.train_step = first
run_script("train-cifar")
"""


def make_cifar10(folder):
    """CIFAR-10's files in its binary format, filled with noise; their size in MB."""
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]:
        records = rng.integers(0, 256, (10_000, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        records.tofile(os.path.join(folder, name))
    return 60_000 * 3073 / 1e6


def measure(folder):
    """Seconds to the end of the first step, and MB before it."""
    command = [
        *(sys.executable, "-c", PROGRAM, str(time.time()), "--dataset", "cifar10", "--data-dir"),
        *(folder, "--blocks", "1", "--channel-times", "1", "--save-dir", f"{folder}/run"),
        *("--logging-dir", f"{folder}/logs-{time.time()}", "--resume", "auto"),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return tuple(map(float, finished.stdout.strip().splitlines()[-1].split()))


def main():
    """Print medians over some runs."""
    with tempfile.TemporaryDirectory() as folder:
        size = make_cifar10(folder)
        found = [measure(folder) for _ in range(RUNS)]
    print(f"first step done after {median(seconds for seconds, _ in found):.2f} s")
    print(f"resident before it {median(memory for _, memory in found):.0f} MB; files {size:.0f} MB")


if __name__ == "__main__":
    main()
