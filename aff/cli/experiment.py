"""``aff experiment``: runs the grid of an experiment, as far as it has not been run."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import Dict, List, Optional, Tuple

from ..compat import available_cpus, environment_of_share
from ..paper.experiment import EXPERIMENTS, Cell
from ..paper.hosts import EVALUATION
from ..training.interruption import Interruption
from ..training.logger import TEXT_LOG
from ..utils.errors import InputError, Interrupted, RunError, unknown
from ..utils.values import int_range, recorded
from .common.parser import Parser

PARAMS, LOGS = "params", "logs"
PATIENCE = 0.5


GROUP, HELP = "reproduce", "our ablations on Fashion-MNIST and its scenes, grids of runs"
DESCRIPTION = (
    "Run an ablation in the manner of the paper's Table 3 (additions, SE or concatenation, SK, "
    "global or local contexts alone, AFF, iAFF), on Fashion-MNIST or on scenes that 'aff "
    "make-scenes' makes of it: what has been run is skipped, what was interrupted goes on. 'aff "
    "tables --table NAME' prints its table."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        default="ablation",
        help="one of, by default the first: "
        + "; ".join(
            f"{one.name} ({one.host.title}, {len(one.arms)} fusions, b = "
            f"{' and '.join(map(str, one.blocks))}, {one.seeds} seeds, {one.epochs} epochs)"
            for one in EXPERIMENTS.values()
        ),
    )
    parser.add_argument(
        "--jobs",
        type=int_range(1, 256),
        default=available_cpus(),
        help="runs at the same time, which share the processors (default: one on each)",
    )
    parser.add_argument(
        "--data-dir",
        type=recorded,
        default=None,
        help="folder of Fashion-MNIST, or of the scenes (default: scenes)",
    )
    parser.add_argument(
        "--params",
        type=recorded,
        default=None,
        help=f"folder for the runs' parameters (default: {PARAMS}/NAME)",
    )
    parser.add_argument(
        "--logs",
        type=recorded,
        default=None,
        help=f"folder for the runs' logs (default: {LOGS}/NAME)",
    )
    parser.add_argument(
        "--print", action="store_true", dest="only_print", help="print the commands, run nothing"
    )


def cells_of(name: str) -> List[Cell]:
    """Return the runs of an experiment.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, list(EXPERIMENTS))
    return EXPERIMENTS[name].cells()


def command(cell: Cell, params: str, logs: str, data_dir: Optional[str]) -> List[str]:
    """Return a run's command."""
    words = [cell.host.command, *cell.flags(params, logs), *cell.host.data(data_dir)]
    return ["python", "-m", "aff", *words, "--gpus", "", "-j", "1", "--resume", "auto"]


def evaluation(cell: Cell, params: str, logs: str, data_dir: Optional[str]) -> List[str]:
    """Return the command that evaluates a run that came to its end; none where its log says all."""
    if not cell.host.evaluated:
        return []
    return [
        *("python", "-m", "aff", "evaluate", os.path.join(params, cell.name)),
        *cell.host.data(data_dir),
        *("--gpus", "", "-j", "1", "--json", os.path.join(logs, cell.name, EVALUATION)),
    ]


def start(command: List[str], jobs: int) -> subprocess.Popen:
    """Start a run, or have it go on, as one of so many that share the processors."""
    return subprocess.Popen(
        [sys.executable, *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of_share(jobs),
        start_new_session=True,  # a terminal's Ctrl-C is ours to hand on
    )


def ended(cell: Cell, process: subprocess.Popen, logs: str) -> bool:
    """Say how a run ended; whether it came to its end."""
    errors, found = process.communicate()[1], None
    try:
        found = cell.outcome(logs) if process.returncode == 0 else None
    except InputError as error:
        errors = error.message
    if found is None:
        last = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        print(f"{cell.name}: {last}", file=sys.stderr, flush=True)
        return False
    told = ", ".join(f"{head} {100 * found[key]:.2f} %" for head, key in cell.host.scores)
    print(
        f"{cell.name}: {told}, {found['images_per_sec']:.0f} images/s, {found['seconds']:.0f} s",
        flush=True,
    )
    return True


#: Processes by run, each with the command that is to follow it.
_Running = Dict[Cell, Tuple[subprocess.Popen, List[str]]]


def kill(running: _Running) -> None:
    """End the runs that are still going, when an error ends this command."""
    for process, _ in running.values():
        process.kill()


def follow(running: _Running, jobs: int, logs: str, stopping: bool) -> int:
    """Start what follows runs that have ended, or say how they did; how many did not come to their
    end.
    """
    failed = 0
    for cell in [cell for cell, (process, _) in running.items() if process.poll() is not None]:
        process, then = running.pop(cell)
        if not then or process.returncode:
            failed += not ended(cell, process, logs)
        elif stopping:
            print(f"{cell.name}: is trained, and still to be evaluated", flush=True)
        else:
            running[cell] = start(then, jobs), []
    return failed


def announce(left: int, all_runs: int, jobs: int, logs: str) -> None:
    """Say what is there, and how one sees what the others do."""
    print(f"{all_runs - left} of {all_runs} runs are there", flush=True)
    if left:
        print(f"{jobs} at a time, each with its log, {os.path.join(logs, 'NAME', TEXT_LOG)}")


def run(
    name: str,
    jobs: int,
    data_dir: Optional[str],
    params: Optional[str],
    logs: Optional[str],
    only_print: bool,
) -> int:
    """Run the grid, as far as it has not been run."""
    cells = cells_of(name)
    params, logs = params or os.path.join(PARAMS, name), logs or os.path.join(LOGS, name)
    left = [cell for cell in cells if cell.outcome(logs) is None]
    if only_print:
        for cell in left:
            words = [way(cell, params, logs, data_dir) for way in (command, evaluation)]
            print("\n".join(map(shlex.join, filter(None, words))))
        return 0
    announce(len(left), len(cells), jobs, logs)
    failed, told = 0, False
    running: _Running = {}
    with Interruption() as interruption, contextlib.ExitStack() as held:
        held.callback(kill, running)
        while (left and not interruption.asked) or running:
            while left and len(running) < jobs and not interruption.asked:
                cell = left.pop(0)
                print(f"{len(cells) - len(left)} of {len(cells)} starts: {cell.name}", flush=True)
                then = evaluation(cell, params, logs, data_dir)
                running[cell] = start(command(cell, params, logs, data_dir), jobs), then
            time.sleep(PATIENCE)
            if interruption.asked and not told:
                told = True  # once: a second signal would end them without saving
                for process, _ in running.values():
                    process.send_signal(signal.SIGTERM)
            failed += follow(running, jobs, logs, told)
        if interruption.asked:
            raise Interrupted(
                "the runs are saved: go on with the same command", 128 + interruption.asked
            )
    if failed:
        raise RunError(f"{failed} runs did not come to their end; the same command tries again")
    return 0
