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


def test_closed_streams_are_nowhere(tmp_path):
    script = (
        "import sys; from aff.utils.output import open_streams; open_streams()\n"
        "with open('file', 'w') as file:\n"
        "    assert file.fileno() > 2\n"
        "    for stream in (sys.stdout, sys.stderr):\n"
        "        print('said', file=stream, flush=True)\n"
        "    import subprocess; subprocess.run(['echo', 'said'], check=True)\n"
        "    file.write(repr(sys.stdin.read()))"
    )
    command = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", script]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ROOT}, check=True)
    assert (tmp_path / "file").read_text() == "''"
