"""Runs that are stopped anywhere go on to the same end, and files are never half a run's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aff.training import run as run_module
from aff.training.checkpoint import list_checkpoints, newest_checkpoint
from aff.training.interruption import Interruption
from aff.training.state import RunState
from aff.utils.errors import Interrupted

from .helpers import parameters
from .test_checkpoint import facts, make_run


class Switch(Interruption):
    """Stops a run when it asks for the n-th time whether a signal has come."""

    def __init__(self, after):
        super().__init__(active=False)
        self.left = after

    @property
    def asked(self):
        self.left -= 1
        return signal.SIGTERM if self.left < 0 else 0

    @asked.setter
    def asked(self, value):
        pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four epochs in one go, on one and on two devices."""
    runs = {}

    def undisturbed(tiny_data, devices):
        if devices not in runs:
            run = make_run(tiny_data, tmp_path_factory.mktemp("whole"), 4, devices)
            runs[devices] = (facts(run.go(RunState())), parameters(run.loop), run.save_dir)
        return runs[devices]

    return undisturbed


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("every", [5, 7])
def test_a_run_stopped_again_and_again_is_the_undisturbed_one(
    tiny_data, tmp_path, whole, monkeypatch, devices, every
):
    expected, values, folder = whole(tiny_data, devices)
    places = set()
    for _ in range(60):
        monkeypatch.setattr(run_module, "Interruption", lambda active: Switch(every))
        run = make_run(tiny_data, tmp_path, 4, devices)
        checkpoint = newest_checkpoint(str(tmp_path))
        state = RunState.resumed(checkpoint, run.loop) if checkpoint else RunState()
        try:
            run.go(state)
            break
        except Interrupted as stopped:
            assert stopped.code == 128 + signal.SIGTERM
            assert "go on with the same command and --resume auto" in str(stopped)
            places.add((state.next_epoch, state.partial and state.partial.batches))
    else:
        pytest.fail(f"it never came to an end: {places}")
    assert len(places) > 2
    assert any(batches for _, batches in places)
    assert facts(state) == expected
    for name, value in values.items():
        np.testing.assert_array_equal(parameters(run.loop)[name], value, err_msg=name)
    for name in ("best.params", "epoch-0002.params", "epoch-0004.params"):
        assert (tmp_path / name).read_bytes() == Path(folder, name).read_bytes()
    assert len(list_checkpoints(str(tmp_path))) == 2


def test_a_kill_between_a_checkpoint_and_its_names_loses_nothing(
    tiny_data, tmp_path, whole, monkeypatch
):
    _, _, folder = whole(tiny_data, 1)

    def killed(*_):
        raise KeyboardInterrupt

    run = make_run(tiny_data, tmp_path, 4)
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "link", killed)
        with pytest.raises(KeyboardInterrupt):
            run.go(RunState())
    assert not (tmp_path / "best.params").exists()
    again = make_run(tiny_data, tmp_path, 4)
    checkpoint = newest_checkpoint(str(tmp_path))
    state = RunState.resumed(checkpoint, again.loop)
    again.publish(checkpoint, state)
    assert (tmp_path / "best.params").exists()
    again.go(state)
    best = (tmp_path / "best.params").read_bytes()
    assert best == Path(folder, "best.params").read_bytes()


PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from aff.training.interruption import Interruption
with Interruption() as interruption:
    print("ready", flush=True)
    while not interruption.asked:
        time.sleep(0.01)
    print("asked", interruption.name, flush=True)
    time.sleep(float(sys.argv[2]))
print("done", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals(number):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    for pause, expected in (("0", -signal.SIGTERM), ("60", 128 + number)):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, root, pause],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"asked {signal.Signals(number).name}\n"
        if pause == "60":
            process.send_signal(number)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == expected, errors
        assert "finishing this step, then saving" in errors
        assert ("done" in output) == (pause == "0")
