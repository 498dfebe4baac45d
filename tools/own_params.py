"""Makes the parameter files that come with this repository, and their records, of the runs of ``aff
experiment``: of each of three fusions the seed that is the best by the held-out part.

    python tools/own_params.py [params/ablation]
"""

import json
import os
import re
import shlex
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from aff.models.pretrained import shapes_digest  # noqa: E402
from aff.models.weights import blob_sha1  # noqa: E402
from aff.paper.experiment import EXPERIMENTS, Arm, Cell  # noqa: E402
from aff.paper.outcome import outcome  # noqa: E402
from aff.utils.params_file import ArrayFile  # noqa: E402

NAME = "ablation"
LOGS, RECORDS = f"{ROOT}/logs/{NAME}", f"{ROOT}/aff/models/published.json"
#: Of equal budgets, as in the paper.
ARMS = {
    "add": Arm("DirectAdd"),
    "aff": Arm("ASKCFuse", 2),
    "iaff": Arm("ResGlobLocaforGlobLocaCha", 4),
}


def best(arm):
    """The run of an arm that is the best by the held-out part, and what came out of it."""
    found = [
        (outcome(f"{LOGS}/{cell.name}"), cell) for cell in EXPERIMENTS[NAME].cells_of(arm, blocks=1)
    ]
    return min(((run, cell) for run, cell in found if run), key=lambda it: it[0]["val_error"])


def record(name: str, cell: Cell, error: float, path: str) -> dict:
    """The record of a run's parameters, in `path`."""
    network, kwargs = cell.network
    return {
        "name": name,
        "generation": 0,
        "dataset": "fashion-mnist",
        "label_set": None,
        "dtype": "float32",
        "network": {"name": network, "kwargs": {**kwargs, "channel_times": 1}},
        "file": {
            "commit": "",
            "path": f"params/{name}.params",
            "git_blob_sha1": blob_sha1(path),
            "shapes_sha1": shapes_digest(ArrayFile(path).shapes),
        },
        "reported": {"metric": "top1_error", "value": error},
        "published_command": None,
        "command": shlex.join(["train_cifar.py", *cell.settings]),
        "really": "on one core of a CPU (OMP_NUM_THREADS=1, --gpus '' -j 1): with more threads "
        "sums round otherwise",
        "curve": f"{NAME}/{cell.name}",
        "log": None,
        "continued": None,
    }


def on_a_line(found: re.Match) -> str:
    """What was found, JSON over several lines, on one."""
    return json.dumps(json.loads(found.group()))


def main(params: str) -> None:
    """Copy the files, and put their records in the place of those that were there."""
    with open(RECORDS, encoding="utf-8") as file:
        content = file.read()
    ours = content.index('  {\n   "name": "fashion_mnist_')
    end = content.index(' ],\n "tables"')
    made = []
    for short, arm in ARMS.items():
        run, cell = best(arm)
        name = f"fashion_mnist_{short}_resnet8"
        path = f"{ROOT}/params/{name}.params"
        shutil.copyfile(os.path.join(params, cell.name, "best.params"), path)
        made.append(json.dumps(record(name, cell, run["test_error"], path), indent=1))
        print(f"{name}: {cell.name}, val {run['val_error']:.4f}, test {run['test_error']:.4f}")
    made = [re.sub(r'(?<="kwargs": ){.*?}', on_a_line, text, flags=re.S) for text in made]
    texts = ["\n".join(f"  {line}" for line in text.splitlines()) for text in made]
    with open(RECORDS, "w", encoding="utf-8") as file:
        file.write(content[:ours] + ",\n".join(texts) + "\n" + content[end:])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else f"{ROOT}/params/{NAME}")
