"""The folder of the compiled native operator, with something else in it: a network has to compute
all the same, natively where the operator can be compiled anew, else by Gluon's operators, with the
reason.
"""

import os
from functools import partial
from pathlib import Path
from unittest import mock

from aff.nn.native.build import Unavailable, library

from ._process import run
from .checkpoints import cut, flip

#: Each starts Python and mxnet, and may compile.
COST = 20
SHOW = """
import aff, mxnet as mx
from aff.nn.fusion import form_in_use
fusion = aff.create_fusion("AFF", 8)
fusion.initialize()
ones = mx.nd.ones((2, 8, 3, 3))
assert abs(fusion(ones, ones).asnumpy().mean() - 2) < 1e-4
print(form_in_use(fusion))
"""
FALLBACK = b"Gluon's operators ("


def replaced(make):
    """Make something else of this name."""

    def replace(path, rng):
        path.unlink(missing_ok=True)
        make(path)

    return replace


def at_lock(make):
    """Make something of the lock's name, with nothing compiled."""

    def lock(path, rng):
        path.unlink()
        make(path.with_name(f"{path.name}.lock"))

    return lock


def own(path, uid=65534):
    """Give to another user, as far as that is allowed."""
    os.chown(path, uid, uid)


DAMAGE = {
    "cut": cut,  # what is mapped and not there is a SIGBUS
    "a flipped bit": flip,
    "empty": replaced(Path.touch),
    "a folder": replaced(Path.mkdir),
    "a FIFO": replaced(os.mkfifo),
    "a link to /dev/zero": replaced(lambda path: path.symlink_to("/dev/zero")),
    "a link to nothing": replaced(lambda path: path.symlink_to("none")),
    "a lock that is a link": at_lock(lambda path: path.symlink_to("precious")),
    "a lock that is a FIFO": at_lock(os.mkfifo),
    "a lock that is a folder": at_lock(Path.mkdir),
    "a folder that anybody may write to": lambda path, rng: path.parent.chmod(0o777),
    "its folder's folder, too": lambda path, rng: path.parent.parent.chmod(0o777),
}
if os.geteuid() == 0:
    DAMAGE["another user's"] = lambda path, rng: own(path)
    DAMAGE["in another user's folder"] = lambda path, rng: own(path.parent)
#: Where nothing is to be loaded from, nor compiled.
REFUSED = ("a folder", "a lock that", "a folder that", "its folder's", "in another")


#: Compiles by copying what was compiled before.
COMPILER = """#!/bin/sh
[ "$1" = -v ] && exit 0
for last; do :; done
cp {compiled} "$last"
"""


def show(cache, environment, what):
    """Compute with what is there now."""
    said = run("-c", SHOW, cwd=cache, codes=(0,), environment=environment)
    if what.startswith(REFUSED):
        assert said.stdout.startswith(FALLBACK), said.stdout
    else:
        assert said.stdout == b"native\n", said.stdout
        assert next((cache / "aff/native").glob("*.so")).stat().st_uid == os.geteuid()
    assert not (cache / "aff/native/precious").exists(), "a link was written through"


def tries(folder, rng, times):
    """Each at least once, where there is a compiler."""
    try:
        compiled = Path(library())
    except Unavailable:
        return
    compiler = folder / "c++"
    compiler.write_text(COMPILER.format(compiled=compiled))
    compiler.chmod(0o700)
    for number in range(max(times, len(DAMAGE))):
        what, damage = list(DAMAGE.items())[number % len(DAMAGE)]
        cache = folder / str(number)
        environment = {"CXX": str(compiler), "XDG_CACHE_HOME": str(cache)}
        with mock.patch.dict(os.environ, environment):
            path = Path(library())
        damage(path, rng)
        yield what, partial(show, cache, environment, what)
