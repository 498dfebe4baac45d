"""Training speed by number of OpenMP threads, beside what `import aff` chooses and what mxnet
would: each in a process of its own, in turns.

    python benchmarks/threads.py [small|cifar|imagenet] [FUSION]
"""

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from aff.compat import available_cpus

ROUNDS = 3


def measure(case, fusion, threads):
    """Images a second of `aff bench` with so many threads; None: as it comes."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment.pop("AFF_SET_THREADS", None)
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "found.json")
        command = [
            *(sys.executable, "-m", "aff", "bench", case, "--fusions", fusion),
            *("--only", "training", "--rounds", "3", "--json", path),
        ]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            return json.load(file)["networks"][case]["training"][fusion]


def main():
    """Print a line for each setting."""
    case, fusion = [*sys.argv[1:], *["small", "AFF"][len(sys.argv) - 1 :]][:2]
    settings = [None, *range(1, available_cpus() + 1)]
    found = {threads: [] for threads in settings}
    for _ in range(ROUNDS):
        for threads in settings:
            found[threads].append(measure(case, fusion, threads))
    for threads, values in found.items():
        name = f"OMP_NUM_THREADS={threads}" if threads else "out of the box"
        print(f"{name}: {median(values):.1f} images/s")


if __name__ == "__main__":
    main()
