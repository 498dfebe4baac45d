"""Commands that are run in processes of their own, where what breaks would end the tests."""

import subprocess
import sys

from ..conftest import python_environment

#: Exit codes that commands have: done, not the user's mistake, a mistake.
CODES = (0, 1, 2)


def run(*arguments, cwd, codes=CODES, shell='"$@"', environment=(), before=None):
    """Run this Python with arguments, through a line of the shell; its finished process. It breaks
    where it ends by a signal, with another code or with a traceback.
    """
    finished = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        env={**python_environment(), "OMP_NUM_THREADS": "1", **dict(environment)},
        preexec_fn=before,
        check=False,
    )
    said = (finished.stdout + finished.stderr).decode(errors="replace")
    if finished.returncode not in codes or "Traceback" in said:
        raise AssertionError(f"exit code {finished.returncode}: {said[-300:]}")
    return finished
