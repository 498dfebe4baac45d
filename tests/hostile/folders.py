"""Run folders and data folders in which files are links, FIFOs, devices, folders, sockets or
sparse, under every name that something reads.
"""

import os
import shutil
import socket
from functools import partial

import numpy as np

import aff
from aff.data.datasets import load_dataset
from aff.data.images import FolderImages, RecordImages
from aff.data.packed import read_manifest
from aff.export.networks import describe, read_entries
from aff.inference.spec import find_spec
from aff.models.weights import find_weights, verify
from aff.paper.curves import read_curve
from aff.paper.scores import evaluated, own_runs
from aff.training.event_file import EventFile
from aff.training.run_folder import choose
from aff.training.settings_file import read_config
from aff.training.state import RunState

from ..conftest import write_cifar, write_idx
from ..training.helpers import small_trainer
from .json_files import WEIGHTS_RECORD, Files, events

#: What a name may lead to.
TARGETS = ("/dev/zero", "/dev/tty", "/dev/full", "{0}", "{0}.none", "{0}.fifo")
#: Sizes of files without anything in them: none, a page, a terabyte.
SIZES = (0, 4096, 2**40)


def bind(path):
    """Make a socket of this name, which may be too long for one."""
    with socket.socket(socket.AF_UNIX) as server:
        short = f"/tmp/aff-{os.getpid()}.socket"
        server.bind(short)
        shutil.move(short, path)


def hole(path, size):
    """Make a file of nothing."""
    with open(path, "wb") as file:
        file.truncate(size)


def link(path, target):
    """Make a link, and a FIFO where it leads to one."""
    target = target.format(path)
    os.symlink(target, path)
    if target.endswith(".fifo"):
        os.mkfifo(target)


#: What a name may be of.
KINDS = {
    "fifo": os.mkfifo,
    "folder": os.mkdir,
    "socket": bind,
    **{f"{size} bytes of nothing": partial(hole, size=size) for size in SIZES},
    **{f"link to {target.format('it')}": partial(link, target=target) for target in TARGETS},
}


def readers(folder, trainer):
    """What reads each name."""
    run, logs, packed, params = (str(folder / n) for n in ("run", "logs", "packed", "params"))
    checkpoint = str(folder / "checkpoint-0001")
    state = lambda: RunState.resumed(checkpoint, trainer)  # noqa: E731
    return {
        "run/settings.json": [
            lambda: aff.load(run),
            lambda: read_config(f"{run}/settings.json"),
            lambda: choose("x", run, None, None),
        ],
        "run/best.params": [lambda: aff.load(run), lambda: find_spec(run, None, {})],
        "logs/train.jsonl": [lambda: read_curve(logs), lambda: own_runs(logs)],
        "logs/settings.json": [lambda: read_curve(logs), lambda: own_runs(logs)],
        "logs/train.log": [lambda: read_curve(f"{logs}/train.log")],
        "board/events.out.tfevents.1.it": [lambda: EventFile(f"{folder}/board", lambda *_: True)],
        "checkpoint-0001/state.json": [state],
        "checkpoint-0001/net.params": [state],
        "checkpoint-0001/optimizer.params": [state],
        "packed/train.rec": [lambda: RecordImages(f"{packed}/train.rec").labels()],
        "packed/train.idx": [lambda: RecordImages(f"{packed}/train.rec", f"{packed}/train.idx")],
        "packed/manifest.json": [lambda: read_manifest(packed)],
        "exports/export.json": [lambda: read_entries(str(folder / "exports"))],
        "exports/it.onnx": [lambda: describe(str(folder / "exports/it.onnx"))],
        "exports/it.safetensors": [lambda: describe(str(folder / "exports/it.safetensors"))],
        f"params/{WEIGHTS_RECORD.filename}": [
            lambda: verify(find_weights(WEIGHTS_RECORD.name), f"{params}/{WEIGHTS_RECORD.filename}")
        ],
        f"params/{WEIGHTS_RECORD.name}.evaluation.json": [
            lambda: evaluated(WEIGHTS_RECORD, params)
        ],
        "photos/a/1.jpg": [lambda: FolderImages(str(folder / "photos")).read(0)],
        "cifar/train.bin": [lambda: load_dataset("cifar100", str(folder / "cifar"), "fine")],
        "fashion/train-images-idx3-ubyte": [
            lambda: load_dataset("fashion-mnist", str(folder / "fashion"))
        ],
    }


def tries(folder, rng, times):
    """Every kind under every name, whatever `times` says."""
    files = Files(folder)
    files.write("logs/train.jsonl", "".join(f"{event}\n" for event in events()).encode())
    (folder / "board").mkdir()
    (folder / "photos" / "a").mkdir(parents=True)
    write_cifar(folder / "cifar", "cifar100")
    (folder / "fashion").mkdir()
    for part in ("train", "t10k"):
        write_idx(folder / f"fashion/{part}-images-idx3-ubyte", np.zeros((2, 28, 28)))
        write_idx(folder / f"fashion/{part}-labels-idx1-ubyte", np.zeros(2))
    for name, calls in readers(folder, small_trainer()).items():
        path = folder / name
        before = path.read_bytes() if path.exists() else None
        for kind, make in KINDS.items():
            if path.exists():
                path.unlink()
            make(str(path))
            for call in calls:
                yield kind, call
            for left in (path, path.with_name(f"{path.name}.fifo")):
                if left.is_dir() and not left.is_symlink():
                    left.rmdir()
                elif os.path.lexists(left):
                    left.unlink()
        if before is not None:
            path.write_bytes(before)
