"""Kills a training run at random moments, has it go on each time, and compares its end with that of
an undisturbed run. The short form is part of the tests; the long form, 40 kills:

    python -m tests.killing --times 40

Half of the kills wait for a file that is being written; a tenth are SIGTERM, after which the run
has to save and say how to go on.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN = [
    *(sys.executable, str(ROOT / "train_cifar.py"), "--dataset", "digits", "--blocks", "1"),
    *("--channel-times", "1", "--fusion", "DirectAdd", "--cpus", "1", "--num-epochs", "4"),
    *("--batch-size", "64", "--lr", "0.05", "--lr-decay-epoch", "3", "--mixup-alpha", "0.2"),
    *("--mixup-off-epoch", "2", "--label-smoothing", "--warmup-epochs", "1", "--save-period", "2"),
    *("--save-minutes", "0.005"),
    *("--val-split", "0.1", "-j", "2", "--save-dir", "run", "--logging-dir", "logs"),
]


def start(folder, *more):
    """Start the run, or go on with it."""
    return subprocess.Popen(
        [*RUN, *more],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(folder):
    """All of a finished run that has to be the same: files, and figures but for times."""
    run = Path(folder) / "run"
    last = run / "checkpoint-0004"
    state = json.loads((last / "state.json").read_text())
    log = map(json.loads, (Path(folder) / "logs" / "train.jsonl").read_text().splitlines())
    state["logged"] = [event for event in log if event["event"] == "epoch"]
    for record in [*state["history"], *state["logged"]]:
        for key in ("seconds", "images_per_sec", "time"):
            record.pop(key, None)
    names = ["best.params", "epoch-0002.params", "epoch-0004.params"]
    files = {name: (run / name).read_bytes() for name in names}
    for name in ("net.params", "optimizer.params"):
        files[name] = (last / name).read_bytes()
    return state, files


def kill_once(folder, rng, first=False, seconds=7.0):
    """Go on with the run and kill it somewhere, or within its first save; what was done, or None
    where it came to its end before.
    """
    process = start(folder, "--resume", "auto")
    awaited = first or rng.random() < 0.5
    number = signal.SIGTERM if rng.random() < 0.1 else signal.SIGKILL
    # From before the first epoch to behind the last; saves are waited for until then.
    until = time.monotonic() + (30 if awaited else rng.uniform(0, seconds))
    skipped = 0 if first else rng.randrange(4)
    while process.poll() is None and time.monotonic() < until:
        if awaited and any(Path(folder, "run").glob("*.tmp")):
            if not skipped:
                break
            skipped -= 1
            time.sleep(0.1)
        time.sleep(0.0005)
    if process.poll() is not None:
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
        return None
    process.send_signal(number)
    errors = process.communicate(timeout=60)[1]
    left = [path.name for path in Path(folder).glob(f"run/*.{process.pid}.tmp")]
    if number == signal.SIGTERM and "finishing this step" in errors and process.returncode:
        assert process.returncode == 128 + number, errors
        assert "go on with the same command and --resume auto" in errors
    return signal.Signals(number).name + (", while a file was written" if left else "")


def undisturbed(folder):
    """The outcome of a run that nothing happens to."""
    whole = Path(folder) / "whole"
    whole.mkdir()
    finish(start(whole))
    return outcome(whole)


def finish(process):
    """Wait for the end of a run, which has to be a good one."""
    errors = process.communicate()[1]
    assert process.returncode == 0, errors


def hold_end(folder, expected):
    """Have a run go on to its end, which has to be the undisturbed one's."""
    finish(start(folder, "--resume", "auto"))
    state, files = outcome(folder)
    assert state == expected[0], "ended with other figures"
    for name, content in files.items():
        assert content == expected[1][name], f"ended with another {name}"
    assert not list(folder.glob("run/*.tmp")), "half-written files were left"


def kill(times, seed, folder, say=lambda line: None):
    """Kill runs so many times in all, and compare each one's end with the undisturbed one's; how
    often what was done.
    """
    rng = random.Random(seed)
    expected = undisturbed(folder)
    done, runs = Counter(), 0
    while sum(done.values()) < times:
        runs += 1
        killed = Path(folder) / f"killed-{runs}"
        killed.mkdir()
        while True:
            what = kill_once(killed, rng) if sum(done.values()) < times else None
            if what is None:
                break
            done[what] += 1
            say(f"kill {sum(done.values())}: {what}")
        hold_end(killed, expected)
        say(f"run {runs}: ended as the undisturbed one, bit for bit")
    return done


def main():
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=40, help="kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aff-killing-") as folder:
        done = kill(options.times, options.seed, folder, print)
    for what, count in done.items():
        print(f"{count} times {what}: nothing was lost")


if __name__ == "__main__":
    main()
