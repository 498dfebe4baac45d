"""Kills a training run at random moments, has it go on each time, and compares its end with that of
an undisturbed run. The short form is part of the tests; the long form, 40 kills:

    python -m tests.killing --times 40

or with all of today's recipe on, and with flags of one's own:

    python -m tests.killing --times 10 --recipe --seconds 60 --dataset fashion-mnist

Half of the kills wait for a file that is being written; a tenth are SIGTERM, after which the run
has to save and say how to go on.
"""

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Seconds until behind the last epoch.
WHOLE = 7
RUN = [
    *(sys.executable, str(ROOT / "train_cifar.py"), "--dataset", "digits", "--blocks", "1"),
    *("--channel-times", "1", "--fusion", "DirectAdd", "--cpus", "1", "--num-epochs", "4"),
    *("--batch-size", "64", "--lr", "0.05", "--lr-decay-epoch", "3", "--mixup-alpha", "0.2"),
    *("--mixup-off-epoch", "2", "--label-smoothing", "--warmup-epochs", "1", "--save-period", "2"),
    *("--save-minutes", "0.005"),
    *("--val-split", "0.1", "-j", "2", "--save-dir", "run", "--logging-dir", "logs"),
]
#: All of today's recipe, on top of the above.
RECIPE = [
    *("--batch-size", "32", "--grad-accum-steps", "2", "--model-ema", "0.99", "--clip-grad", "1"),
    *("--cutmix-alpha", "1", "--rand-aug", "2", "9", "--random-erasing", "0.25"),
    *("--optimizer", "adamw", "--lr", "0.003", "--cosine", "--early-stop", "100"),
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
    last = max(run.glob("checkpoint-????"))
    state = json.loads((last / "state.json").read_text())
    log = map(json.loads, (Path(folder) / "logs" / "train.jsonl").read_text().splitlines())
    state["logged"] = [event for event in log if event["event"] == "epoch"]
    for record in [*state["history"], *state["logged"]]:
        for key in ("seconds", "images_per_sec", "time"):
            record.pop(key, None)
    files = [*run.glob("*.params"), *last.glob("*.params")]
    return state, {str(path.relative_to(run)): path.read_bytes() for path in files}


def kill_once(folder, rng, first=False, flags=(), seconds=WHOLE):
    """Go on with the run and kill it somewhere within so many seconds, or within its first save;
    what was done, or None where it came to its end before.
    """
    process = start(folder, "--resume", "auto", *flags)
    awaited = first or rng.random() < 0.5
    number = signal.SIGTERM if rng.random() < 0.1 else signal.SIGKILL
    # Saves are waited for until then.
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


def undisturbed(folder, flags=()):
    """The outcome of a run that nothing happens to."""
    whole = Path(folder) / "whole"
    whole.mkdir()
    finish(start(whole, *flags))
    return outcome(whole)


def finish(process):
    """Wait for the end of a run, which has to be a good one."""
    errors = process.communicate()[1]
    assert process.returncode == 0, errors


def hold_end(folder, expected, flags=()):
    """Have a run go on to its end, which has to be the undisturbed one's; its files."""
    finish(start(folder, "--resume", "auto", *flags))
    state, files = outcome(folder)
    assert state == expected[0], "ended with other figures"
    assert files.keys() == expected[1].keys(), "ended with other files"
    for name, content in files.items():
        assert content == expected[1][name], f"ended with another {name}"
    assert not list(folder.glob("run/*.tmp")), "half-written files were left"
    return files


def kill(times, seed, folder, say=lambda line: None, flags=(), seconds=WHOLE):
    """Kill runs so many times in all, and compare each one's end with the undisturbed one's; how
    often what was done.
    """
    rng = random.Random(seed)
    expected = undisturbed(folder, flags)
    done, runs = Counter(), 0
    while sum(done.values()) < times:
        runs += 1
        killed = Path(folder) / f"killed-{runs}"
        killed.mkdir()
        while True:
            left = sum(done.values()) < times
            what = kill_once(killed, rng, flags=flags, seconds=seconds) if left else None
            if what is None:
                break
            done[what] += 1
            say(f"kill {sum(done.values())}: {what}")
        for name, content in sorted(hold_end(killed, expected, flags).items()):
            say(f"{hashlib.sha256(content).hexdigest()}  {name}")
        say(f"run {runs}: ended as the undisturbed one, bit for bit")
    return done


def main():
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=40, help="kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--recipe", action="store_true", help="with all of today's recipe on")
    parser.add_argument("--seconds", type=float, default=WHOLE, help="the latest moment of a kill")
    options, more = parser.parse_known_args()
    flags = [*(RECIPE if options.recipe else []), *more]
    with tempfile.TemporaryDirectory(prefix="aff-killing-") as folder:
        say = partial(print, flush=True)
        done = kill(options.times, options.seed, folder, say, flags, options.seconds)
    for what, count in done.items():
        print(f"{count} times {what}: nothing was lost")


if __name__ == "__main__":
    main()
