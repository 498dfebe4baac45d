"""Jobs over a stand-in for ssh, and jobs whose processes fail before they have joined."""

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import aff
from aff.distributed import launch
from aff.distributed.hosts import Host
from aff.distributed.launch import Plan, submit
from aff.utils.errors import RunError

from ..conftest import ROOT, run_python

#: Notes how it was called, and does as a shell on the other machine would.
SSH = """#!{python}
import json, os, subprocess, sys
with open(os.path.join({folder!r}, f"ssh-{{os.getpid()}}.json"), "w") as file:
    json.dump({{"words": sys.argv[1:], "environment": dict(os.environ)}}, file)
host = sys.argv[sys.argv.index("--") + 1]
if host == "refused":
    sys.exit("ssh: connect to host refused port 22: Connection refused" and 255)
clean = {{"PATH": os.environ["PATH"], "HOST": host}}
sys.exit(subprocess.run(["sh", "-c", sys.argv[-1]], env=clean).returncode)
"""
#: Starts processes here that are given the variables that `-x` names, and no others.
MPIRUN = """#!{python}
import os, subprocess, sys
if sys.argv[1:] == ["--version"]:
    sys.exit(print("mpirun (Open MPI) 4.1.4"))
flags, count = sys.argv[5:], int(sys.argv[2])
environment = {{"PATH": os.environ["PATH"]}}
while flags[0] == "-x":
    environment[flags[1]] = os.environ[flags[1]]
    flags = flags[2:]
started = [subprocess.Popen(flags, env=environment) for _ in range(count)]
sys.exit(max(process.wait() for process in started))
"""
#: Joins, takes its leave, and notes its arguments and environment.
MEMBER = """
import json, os, sys, time
from aff.distributed.process import finish, held, join_job
join_job()
role = os.environ["DMLC_ROLE"]
with open(f"{role}-{os.getpid()}.json", "w") as file:
    json.dump({"words": sys.argv[1:], "environment": dict(os.environ)}, file)
finish(0)
while role != "worker" and not held[0].over:
    time.sleep(0.01)
"""
WAIT = "import time; time.sleep(1000)"
WORDS = ['it\'s "well"', "two  words", "$(touch mark)", "`touch mark`; touch mark", "*", "-o", ""]


def told(folder, start):
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{start}-*.json"))]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to start jobs in, whose processes are not given long to end."""
    monkeypatch.setenv("PYTHONPATH", ROOT)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("AFF_SET_THREADS", raising=False)  # it is the user's, then
    monkeypatch.setattr(launch, "GRACE", 0.5)
    monkeypatch.setattr(launch, "WHY", 0.5)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ssh(here, monkeypatch):
    """A folder in which an `ssh` and an `mpirun` stand that are found first."""
    (here / "bin").mkdir()
    for name, text in {"ssh": SSH, "mpirun": MPIRUN}.items():
        path = here / "bin" / name
        path.write_text(text.format(python=sys.executable, folder=str(here)))
        path.chmod(0o700)
    monkeypatch.setenv("PATH", f"{here}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SECRET", "a password")
    monkeypatch.setenv("WANTED", "it's wanted")
    return here


def test_processes_started_by_ssh(ssh):
    command = [sys.executable, "-c", MEMBER, *WORDS]
    hosts = [Host("localhost"), Host("me@127.0.0.1", "2222")]
    assert submit(Plan(command, "ssh", 2, 1, hosts, forwarded=["WANTED", "NOT_SET"])) == 0
    calls = told(ssh, "ssh")
    assert len(calls) == 3
    assert {call["words"][-2] for call in calls} == {"localhost", "me@127.0.0.1"}
    for role, count in {"scheduler": 1, "server": 1, "worker": 2}.items():
        processes = told(ssh, role)
        assert [process["words"] for process in processes] == [WORDS] * count
        for process in processes:
            environment = process["environment"]
            assert environment["AFF_JOB_ADDRESS"].startswith("127."), "all are on this machine"
            assert environment["DMLC_NODE_HOST"].startswith("127.")
            assert environment["WANTED"] == "it's wanted"
            assert ("SECRET" in environment) == (role == "scheduler"), "which runs here"
    token = environment["AFF_JOB_TOKEN"]
    for call in calls:
        assert token not in json.dumps(call), "it is given by standard input"
        assert "wanted" not in " ".join(call["words"])
    assert not (ssh / "mark").exists()


def test_processes_started_by_mpirun(ssh):
    command = [sys.executable, "-c", MEMBER, *WORDS]
    plan = Plan(command, "mpi", 2, 3, [], "hosts", forwarded=["WANTED", "NOT_SET"])
    assert submit(replace(plan, address="127.0.0.1")) == 0
    for role, count in {"scheduler": 1, "server": 3, "worker": 2}.items():
        processes = told(ssh, role)
        assert [process["words"] for process in processes] == [WORDS] * count
        assert {process["environment"]["WANTED"] for process in processes} == {"it's wanted"}
    assert "SECRET" not in processes[0]["environment"]


@pytest.mark.slow
@pytest.mark.numeric
def test_two_workers_train_one_network_over_ssh(ssh):
    command = [sys.executable, "-m", "tests.distributed.dist_worker", str(ssh)]
    assert submit(Plan(command, "ssh", 2, 2, [Host("localhost"), Host("127.0.0.1")])) == 0
    first, second = (dict(np.load(ssh / f"worker-{rank}.npz")) for rank in (0, 1))
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)


def test_an_ssh_that_is_refused_ends_the_job(ssh, capfd):
    command = [sys.executable, "-c", MEMBER.replace("finish(0)", WAIT)]
    hosts = [Host("localhost"), Host("refused")]
    with pytest.raises(
        RunError, match="ssh to refused, for worker 0, has ended with exit code 255"
    ):
        submit(Plan(command, "ssh", 2, 1, hosts))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("role", ["scheduler", "server", "worker"])
def test_a_process_that_dies_before_it_has_joined_ends_the_job(here, role):
    dying = f"import os\nif os.environ['DMLC_ROLE'] == {role!r}: os.abort()\n"
    with pytest.raises(RunError, match=f"{role}( 0)? has ended with SIGABRT"):
        submit(Plan([sys.executable, "-c", dying + MEMBER], "local", 1, 1))


def test_a_process_that_does_not_join_ends_the_job(here):
    waiting = f"import os\nif os.environ['DMLC_ROLE'] == 'worker': {WAIT}\n"
    with pytest.raises(RunError, match="not all have joined: .* 0 of 1 worker"):
        submit(Plan([sys.executable, "-c", waiting + MEMBER], "local", 1, 1, patience=2))


def test_what_cannot_be_run():
    with pytest.raises(aff.InputError, match="nowhere/run: cannot be run: No such file"):
        submit(Plan(["nowhere/run"], "local", 1, 1))


def test_an_address_of_another_machine():
    with pytest.raises(aff.InputError, match="address 192.0.2.1: cannot listen there"):
        submit(Plan(["true"], "ssh", 1, 1, [Host("a")], address="192.0.2.1"))


def test_an_address_that_is_none():
    for address in ("10..0.1", ".", "x" * 70):
        with pytest.raises(aff.InputError, match="address .*: cannot listen there"):
            submit(Plan(["true"], "ssh", 1, 1, [Host("a")], address=address))


def test_a_process_needs_a_launcher_of_ours():
    finished = run_python("-m", "aff", "list", "models", DMLC_ROLE="worker")
    assert finished.returncode == 2
    assert "start jobs by 'aff launch'" in finished.stderr


def test_a_launcher_that_is_gone():
    job = {
        "DMLC_ROLE": "worker",
        "AFF_JOB_ADDRESS": "127.0.0.1:9",
        "AFF_JOB_TOKEN": "x",
        "AFF_JOB_PATIENCE": "1",
    }
    finished = run_python("-m", "aff", "list", "models", **job)
    assert finished.returncode == 1
    assert "cannot join its job: launcher at 127.0.0.1:9" in finished.stderr


def left(here):
    """Processes that have noted themselves, and run on."""
    numbers = [int(path.name[4:]) for path in here.glob("pid-*")]
    return [number for number in numbers if os.path.exists(f"/proc/{number}")]


NOTE = f"import os\nopen(f'pid-{{os.getpid()}}', 'w').close()\n{WAIT}\n"


def test_a_second_signal_ends_the_processes_at_once(here, monkeypatch, capsys):
    monkeypatch.setattr(launch, "GRACE", 60)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt_twice():
        while len(list(here.glob("pid-*"))) < 3:
            time.sleep(0.05)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    threading.Thread(target=interrupt_twice, daemon=True).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        submit(Plan([sys.executable, "-c", NOTE], "local", 1, 1))
    signal.signal(signal.SIGINT, before)
    assert not left(here) and time.monotonic() - start < 30
    assert capsys.readouterr().err == "ending the processes of the job\n"


@pytest.mark.parametrize(
    "number, ends",
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_nothing_is_left_of_an_interrupted_launcher(here, number, ends):
    usual = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {each: signal.signal(each, handler) for each, handler in usual.items()}

    def interrupt():
        while len(list(here.glob("pid-*"))) < 3:
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(ends):
        submit(Plan([sys.executable, "-c", NOTE], "local", 1, 1))
    for each, handler in before.items():
        signal.signal(each, handler)
    assert not left(here)
