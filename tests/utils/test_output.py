"""Output whose reader is gone."""

import os
import pty
import subprocess
import sys

import pytest

from aff.utils.output import outliving_terminal

from ..conftest import ROOT

PROGRAM = """
import signal, sys
from aff.utils.output import outliving_terminal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.stdin.read()
for number in range(2):
    with outliving_terminal():
        print("said", flush=True)
with open("after", "w") as file:
    file.write("gone on")
"""


@pytest.mark.parametrize("closed", [True, False])
def test_a_terminal_that_hung_up_is_no_error(tmp_path, closed):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    if closed:
        os.close(ours)
    process.communicate(b"", timeout=60)
    if not closed:
        assert os.read(ours, 100).split() == [b"said"] * 2
        os.close(ours)
    assert process.returncode == 0
    assert (tmp_path / "after").read_text() == "gone on"


def test_another_error_is_one(tmp_path):
    with pytest.raises(FileNotFoundError), outliving_terminal():
        (tmp_path / "none").read_text()
