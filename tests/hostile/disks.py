"""Disks that are full at a random moment, or have no inodes left: training ends in one line, and
with room again goes on to the end of a run that nothing happened to.
"""

import contextlib
import os
import resource
import subprocess
from functools import partial

from ..killing import RUN, hold_end, undisturbed
from ._process import run

#: Each is two runs of some seconds.
COST, LONGEST = 50, 600


@contextlib.contextmanager
def small_disk(path, options):
    """A file system in memory of this size; nothing where this user may mount none."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "aff-hostile", str(path)]
    mounted = not subprocess.run(mount, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(path)], check=True)


def train(folder, codes, before=None):
    """Train there, as far as there is room."""
    said = run(*RUN[1:], "--resume", "auto", cwd=folder, codes=codes, before=before)
    if said.returncode:
        lines = said.stderr.decode().strip().splitlines()
        assert "rror" in lines[-1] or "annot" in lines[-1] or "space" in lines[-1], lines[-1]
    assert not list(folder.glob("run/*.tmp")), "half-written files are left"


def fill(folder, options, expected):
    """Train on a small disk, then on one with room."""
    with small_disk(folder, options) as mounted:
        if mounted:
            train(folder, (0, 1, 2))
            room = ["mount", "-o", "remount,size=200m,nr_inodes=10000", str(folder)]
            subprocess.run(room, check=True)
            hold_end(folder, expected)


def limit(folder, size, expected):
    """Train where no file may grow beyond a size."""
    folder.mkdir()
    train(folder, (1, 2), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    hold_end(folder, expected)


def tries(folder, rng, times):
    """One kind of disk after the other."""
    expected = undisturbed(folder)
    largest = max(len(content) for content in expected[1].values())
    whole = sum(file.stat().st_size for file in (folder / "whole/run").rglob("*") if file.is_file())
    for number in range(times):
        here = folder / str(number)
        size = rng.randrange(4096, whole)
        calls = [
            ("full", partial(fill, here, f"size={size}", expected)),
            ("no inodes", partial(fill, here, f"nr_inodes={rng.randrange(3, 40)}", expected)),
            ("no larger files", partial(limit, here, rng.randrange(0, largest), expected)),
        ]
        yield calls[number % len(calls)] if os.geteuid() == 0 else calls[-1]
