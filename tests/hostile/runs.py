"""Folders of runs: simultaneous starts, a user's own files, links in the place of our names."""

import os
import threading
from functools import partial

from aff.training.checkpoint import remove_left_overs
from aff.training.config import TrainConfig
from aff.training.run_folder import open_folder
from aff.utils import download
from aff.utils.errors import InputError

STARTS = 8
#: What a user's files may be called; the last are nearly ours.
USERS = (
    *("report.2024.tmp", "data.5.tmp", "best.params.tmp", "checkpoint-0001.tmp", "x.npy.77.tmp"),
    *("my-best.params.5.tmp", "best.params.5.tmp.txt", "checkpoint-x.5.tmp", "net.params.5.tmp"),
    *("settings.json.5.tmp.5", "epoch-x.params.5.tmp", ".lock.5.tmp", "5.tmp", ".tmp"),
)


def start_together(folder, resume):
    """Of runs that start in a folder one has it, whatever comes in between."""
    config = TrainConfig(save_dir=str(folder), logging_dir=f"{folder}-logs", resume=resume)
    gate, over = threading.Barrier(STARTS), threading.Event()
    had, refused, broke = [], [], []

    def start():
        try:
            gate.wait()
            with open_folder(config, {}) as mine:
                mine.create()
                had.append(mine)
                over.wait(30)
        except InputError as error:
            refused.append(str(error))
        except Exception as error:
            broke.append(error)
        if len(refused) + len(broke) >= STARTS - 1:
            over.set()

    threads = [threading.Thread(target=start) for _ in range(STARTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broke, repr(broke)
    assert len(had) == 1, f"{len(had)} runs in one folder: {refused}"
    assert not folder.exists() or os.listdir(folder) == [], "what is left of the locks"


def clean(folder, names, folders):
    """Cleaning up leaves what is the user's."""
    for name in names:
        (folder / name).mkdir() if name in folders else (folder / name).write_text("mine")
    remove_left_overs(str(folder))
    assert sorted(names) == sorted(os.listdir(folder))


def hold(folder, name, target):
    """No run goes through a link of a name that it writes."""
    os.symlink(target, folder / name)
    config = TrainConfig(save_dir=str(folder), logging_dir=str(folder), resume="auto")
    with open_folder(config, {}) as mine:
        mine.create()
    raise AssertionError("a run takes the link for its file")


def fetch(folder, target):
    """No download goes through one."""
    os.symlink(target, folder / "x.part")
    download.download("http://127.0.0.1:9/x", str(folder / "x"), lambda path: None, 9)


def untouched(call, target):
    """Whatever a call says, the target holds what it did."""
    try:
        call()
    finally:
        assert target.read_text() == "precious", "the target was written to"


def tries(folder, rng, times):
    """One of all in turn."""
    target = folder / "target"
    for number in range(times):
        target.write_text("precious")
        here = folder / str(number)
        resume = rng.choice([None, "auto"])
        names = rng.sample(USERS, rng.randrange(1, len(USERS)))
        folders = rng.sample(names, rng.randrange(len(names)))
        name = rng.choice([".lock", "train.jsonl", "train.log"])
        links = rng.choice([target, folder / "nowhere", f"../{target.name}"])
        calls = [
            ("simultaneous starts", partial(start_together, here, resume)),
            ("a user's .tmp files", partial(clean, here, names, folders)),
            (f"{name} is a link", partial(untouched, partial(hold, here, name, links), target)),
            ("a .part is a link", partial(untouched, partial(fetch, here, links), target)),
        ]
        here.mkdir()
        yield calls[number % len(calls)]
        assert not (folder / "nowhere").exists()
