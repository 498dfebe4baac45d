"""Ctrl-C while Python imports."""

import os
import signal

import pytest

from ..conftest import ROOT, run_python

#: A module that is interrupted while it is imported.
INTERRUPTED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
COMMANDS = {
    "python -m aff": ["-m", "aff"],
    "aff": ["-c", "import sys, aff_start; sys.exit(aff_start.main())"],
    "train_cifar.py": [f"{ROOT}/train_cifar.py"],
    "train_imagenet.py": [f"{ROOT}/train_imagenet.py"],
}


@pytest.fixture
def interrupted(tmp_path):
    """Run Python where the import of a module is interrupted."""

    def run(module, *arguments):
        (tmp_path / f"{module}.py").write_text(INTERRUPTED)
        path = os.pathsep.join([str(tmp_path), ROOT])
        return run_python(*arguments, cwd=tmp_path, PYTHONPATH=path)

    return run


@pytest.mark.parametrize("module", ["numpy", "shlex", "mxnet"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_without_a_word(command, module, interrupted):
    finished = interrupted(module, *COMMANDS[command], "summary", "cifar_resnet8_askc")
    assert finished.returncode == -signal.SIGINT
    assert finished.stderr == ""


def test_a_program_can_catch_it(interrupted):
    text = "try:\n import aff\nexcept KeyboardInterrupt:\n print('caught')"
    assert interrupted("numpy", "-c", text).stdout == "caught\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_once_a_command_has_begun_it_says_so(command, interrupted):
    flags = ["--import", "own"] if command.endswith(".py") else ["summary", "--import", "own", "x"]
    finished = interrupted("own", *COMMANDS[command], *flags)
    assert finished.returncode in (130, -signal.SIGINT)  # python -m ends itself by the signal
    assert finished.stderr.endswith(": error: interrupted\n") and finished.stderr.count("\n") == 1


def test_it_stays_ignored_where_it_was(interrupted):
    text = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import aff_start, aff; "
        "aff_start.main(); print(signal.getsignal(signal.SIGINT).name)"
    )
    assert run_python("-c", text, "list", "fusions").stdout.endswith("SIG_IGN\n")
