"""Compile the native operator, once for each compiler, processor and version, into a cache."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from typing import List, Sequence

import mxnet

from ...compat import cache_folder, compiler, processor
from ...utils.errors import InputError
from ...utils.files import exclusive_file, replacing
from ...utils.opening import MB, read_bytes

SOURCES = os.path.join(os.path.dirname(__file__), "src")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
#: Compilers in the order in which they are looked for.
COMPILERS = ("g++", "c++", "clang++")
SECONDS = 600
#: Bytes of a compiled file, at most, and of the digest at its end.
LARGEST, SEAL = 100 * MB, hashlib.sha256().digest_size


#: What a compiler names that has something against a program, and not what keeps it from working
#: this time, such as memory that is short: its place.
_ABOUT_THE_SOURCE = re.compile(r"\.(cc|h):\d+")


class Unavailable(Exception):
    """There is no native operator here; the text says why."""


class _Refused(Unavailable):
    """The compiler does not compile it: `said` is all that it says."""

    def __init__(self, message: str, said: str):
        super().__init__(message)
        self.said = said


def sources() -> List[str]:
    """Return the files that are compiled, or included by one that is."""
    root = os.path.dirname(mxnet.__file__)
    own = glob.glob(os.path.join(SOURCES, "*.cc")) + glob.glob(os.path.join(SOURCES, "*.h"))
    interface = ("src/lib_api.cc", "include/mxnet/lib_api.h")
    return sorted(own) + [os.path.join(root, *name.split("/")) for name in interface]


def command(compiling: Sequence[str], target: str, flags: Sequence[str] = FLAGS) -> List[str]:
    """Return the command that compiles the operator into a file."""
    include = os.path.join(os.path.dirname(mxnet.__file__), "include")
    folders = [f"-I{include}", f"-I{os.path.join(include, 'mxnet')}"]
    files = [name for name in sources() if name.endswith(".cc")]
    return [*compiling, *flags, *folders, *files, "-o", target]


def library() -> str:
    """Return the path of the compiled operator for this processor, compiled first where it is not
    yet.

    A file's name has a digest of all that it depends on: a processor never gets what was compiled
    for another, in a cache that machines share. Its last bytes are a digest of those before, which
    the loader does not look at: what is cut or altered is compiled anew, as is another user's.

    Raises
    ------
    Unavailable
        Where there is no compiler, or it fails, or nothing can be written.
    """
    compiling = _compiler()
    version = _run([*compiling, "-v"])
    told = "\n".join([mxnet.__version__, *compiling, version, processor(), *FLAGS])
    digest = hashlib.sha256(told.encode())
    try:
        for name in sources():
            digest.update(read_bytes(name, MB))
        folder = os.path.join(cache_folder(), "native")
        target = os.path.join(folder, f"{digest.hexdigest()[:32]}.so")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for holder in (os.path.dirname(folder), folder):
            status = os.stat(holder)
            if status.st_mode & stat.S_IWOTH:
                raise Unavailable(f"{holder}: anybody may write there")
            if not _is_ours(status):
                raise Unavailable(f"{holder}: is another user's")
        if not _is_whole(target):
            _build(compiling, target)
    except OSError as error:
        raise Unavailable(f"{error.filename}: {error.strerror}") from error
    except InputError as error:
        raise Unavailable(str(error)) from error
    return target


def _compiler() -> List[str]:
    """Return the words of the command that runs the compiler, its file first."""
    wanted = compiler()
    for name, *others in [wanted] if wanted else [[name] for name in COMPILERS]:
        path = shutil.which(name)
        if path:
            return [path, *others]
    raise Unavailable(f"no C++ compiler ({' '.join(wanted) or ', '.join(COMPILERS)})")


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _is_whole(target: str) -> bool:
    """Tell whether there is what `_build` has written, by this user or root."""
    try:
        content = read_bytes(target, LARGEST)
    except InputError:
        return False
    sealed = hashlib.sha256(content[:-SEAL]).digest() == content[-SEAL:]
    return sealed and _is_ours(os.stat(target))


def _build(compiling: Sequence[str], target: str) -> None:
    failed = f"{target[:-3]}.failed"
    with exclusive_file(f"{target}.lock", lambda file: None):
        if _is_whole(target):  # by whoever had the lock
            return
        if os.path.isfile(failed):
            again = f"{failed} says how; remove it to try again"
            raise Unavailable(f"{compiling[0]} failed before ({again})")
        print("compiling the native operator of AFF (once, some ten seconds)", file=sys.stderr)
        try:
            with replacing(target) as temporary:
                _run(command(compiling, temporary))
                digest = hashlib.sha256(read_bytes(temporary, LARGEST)).digest()
                with open(temporary, "ab") as file:
                    file.write(digest)
        except _Refused as error:
            with replacing(failed) as temporary, open(temporary, "w", encoding="utf-8") as file:
                file.write(error.said)
            raise


def _run(arguments: Sequence[str]) -> str:
    try:
        finished = subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{arguments[0]}: {error}") from error
    if finished.returncode < 0:  # killed, as where memory is short: another time it may not be
        raise Unavailable(f"{arguments[0]}: ended by signal {-finished.returncode}")
    full = "error writing to" in finished.stderr or "No space left" in finished.stderr
    if finished.returncode and (full or not _ABOUT_THE_SOURCE.search(finished.stderr)):
        said = finished.stderr.strip().splitlines() or ["failed"]
        raise Unavailable(f"{arguments[0]}: {said[0].strip()}")
    if finished.returncode:
        said = [line for line in finished.stderr.splitlines() if "error" in line.lower()]
        message = f"{arguments[0]}: {(said or ['failed'])[0].strip()}"
        raise _Refused(message, finished.stderr)
    return finished.stdout + finished.stderr
