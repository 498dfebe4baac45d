"""Jobs whose processes die, stop or say nothing, before and after they have joined, and strangers
on the launcher's port: a job ends by itself, with a reason that names the process, and leaves none.
"""

import os
import signal
import sys
from functools import partial

from aff.distributed import launch
from aff.distributed.launch import Plan, submit
from aff.utils.errors import RunError

from ..conftest import ROOT
from ..distributed.jobs import Job
from ..distributed.test_strangers import talk

#: Each starts four processes, and may wait for what does not answer.
COST = 10
#: Seconds for all to join, and then to end.
PATIENCE, GRACE = 4, 2
#: A process that does something at one of three moments, where it has the role.
MEMBER = """
import os, signal, time
from aff.distributed.process import finish, held, join_job
open(f"pid-{{os.getpid()}}", "w").close()
role, unlucky = os.environ["DMLC_ROLE"], {role!r}
def moment(name):
    if (role, name) == (unlucky, {moment!r}):
        {deed}
        time.sleep(1000)
moment("before joining")
join_job()
moment("after joining")
if role == "worker":  # these are done without the others, however late those die
    time.sleep(0.5 if unlucky == "worker" else 15)
finish(0)
moment("after its goodbye")
while role != "worker" and not held[0].over:
    time.sleep(0.01)
"""
DEEDS = {
    **{
        f"{number.name} to itself": f"os.kill(os.getpid(), {int(number)})"
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGSTOP)
    },
    "os._exit(0)": "os._exit(0)",
    "os._exit(3)": "os._exit(3)",
    "silence": "pass",
}
MOMENTS = ("before joining", "after joining")
ROLES = ("scheduler", "server", "worker")


def start(folder, role, moment, deed):
    """Start a job; it ends with a reason, and leaves nothing behind."""
    text = MEMBER.format(role=role, moment=moment, deed=DEEDS[deed])
    before = os.getcwd(), dict(os.environ)
    os.chdir(folder)
    os.environ.update(PYTHONPATH=ROOT, OMP_NUM_THREADS="1")
    try:
        submit(Plan([sys.executable, "-c", text], "local", 2, 1, patience=PATIENCE))
    except RunError as error:
        assert role in str(error) or "joined" in str(error), f"another is blamed: {error}"
    else:
        raise AssertionError("the job has ended well")
    finally:
        os.chdir(before[0])
        os.environ.clear()
        os.environ.update(before[1])
        left = [path for path in folder.glob("pid-*") if os.path.exists(f"/proc/{path.name[4:]}")]
        for path in left:
            os.kill(int(path.name[4:]), signal.SIGKILL)
        assert not left, f"{len(left)} processes are left"


def disturb(job, worker, words):
    """Say something to a job's launcher, as one who does not know the token."""
    for sentence in words:
        talk(job.hub.address, sentence)
    assert job.hub.reason is None and not job.hub.over and worker.ends.empty()
    assert job.hub.joined["worker"] == 1


def babble(rng):
    """What a stranger may say."""
    verb = rng.choice(["join", "name", "failed", "goodbye", "beat", "end", "over", "welcome"])
    proof = rng.choice(["", "0" * 64, "é" * 9, "\x1b[31m", "x" * 70_000])
    line = f"{verb} {proof} {rng.choice(ROLES)} {rng.randrange(3)}\n".encode()
    return rng.choice(
        [line * rng.randrange(1, 9), line[:-1], bytes(rng.choices(range(256), k=300)), b"\n" * 999]
    )


def tries(folder, rng, times):
    """All roles and moments in turn; between them strangers, who cost little."""
    before, launch.GRACE = launch.GRACE, GRACE
    try:
        yield from _tries(folder, rng, times)
    finally:
        launch.GRACE = before


def _tries(folder, rng, times):
    job = Job(patience=86400)
    worker = job.join()
    for number in range(times):
        role, moment = rng.choice(ROLES), MOMENTS[number % 2]
        # whoever is silent later is heard of by its line
        deed = rng.choice([deed for deed in DEEDS if deed != "silence" or moment == MOMENTS[0]])
        here = folder / str(number)
        here.mkdir()
        yield f"{deed.split()[0]} {moment}", partial(start, here, role, moment, deed)
        for _ in range(COST):
            words = [babble(rng) for _ in range(rng.randrange(1, 4))]
            yield "strangers", partial(disturb, job, worker, words)
