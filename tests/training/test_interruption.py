"""Runs that are stopped anywhere go on to the same end, and files are never half a run's."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from aff.training.checkpoint import list_checkpoints
from aff.utils.errors import Interrupted

from .helpers import TICKS, after, facts, parameters, small_run, stop


@pytest.mark.numeric
@pytest.mark.parametrize(
    "devices, every",
    [
        pytest.param(1, 5, marks=pytest.mark.slow),
        pytest.param(1, 7, marks=pytest.mark.slow),
        pytest.param(2, 5, marks=pytest.mark.slow),
        (2, 7),
    ],
)
def test_a_run_stopped_again_and_again_is_the_undisturbed_one(
    tiny_data, tmp_path, whole, devices, every
):
    expected = whole(devices)
    places = set()
    for _ in range(60):
        run = small_run(tiny_data, tmp_path, devices=devices, tick=after(every, stop))
        try:
            state = run.fit()
            break
        except Interrupted as stopped:
            assert stopped.code == 128 + signal.SIGTERM
            assert f"resume auto save_dir {tmp_path}" in str(stopped)
            places.add(os.path.basename((list_checkpoints(str(tmp_path)) or [""])[-1]))
    else:
        pytest.fail(f"it never came to an end: {places}")
    assert len(places) > 2
    assert any(place.count("-") == 2 for place in places)  # within an epoch
    assert facts(state) == expected.facts
    for name, value in expected.parameters.items():
        np.testing.assert_array_equal(parameters(run.trainer)[name], value, err_msg=name)
    for name in ("best.params", "epoch-0002.params", "epoch-0004.params"):
        assert (tmp_path / name).read_bytes() == (expected.folder / name).read_bytes()
    assert len(list_checkpoints(str(tmp_path))) == 2


@pytest.mark.numeric
def test_a_kill_between_a_checkpoint_and_its_names_loses_nothing(tiny_data, tmp_path, whole):
    def killed(*_):
        raise KeyboardInterrupt

    run = small_run(tiny_data, tmp_path)
    run.keeper.publish = killed
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert list_checkpoints(str(tmp_path))
    assert not (tmp_path / "best.params").exists()
    with pytest.raises(Interrupted):
        small_run(tiny_data, tmp_path, tick=after(0, stop)).fit()
    assert (tmp_path / "best.params").exists()
    small_run(tiny_data, tmp_path).fit()
    best = (tmp_path / "best.params").read_bytes()
    assert best == (whole().folder / "best.params").read_bytes()


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_kill_within_an_epoch_loses_no_more_than_the_minutes_asked_for(
    tiny_data, tmp_path, whole, devices
):
    def killed():
        raise KeyboardInterrupt

    expected = whole(devices)
    for ticks in (3, TICKS + 2):
        run = small_run(
            tiny_data, tmp_path, devices=devices, tick=after(ticks, killed), save_minutes=1e-9
        )
        with pytest.raises(KeyboardInterrupt):
            run.fit()
        newest = os.path.basename(list_checkpoints(str(tmp_path))[-1])
        assert newest == {3: "checkpoint-0000-000002", TICKS + 2: "checkpoint-0001-000003"}[ticks]
    run = small_run(tiny_data, tmp_path, devices=devices, save_minutes=1e-9)
    assert facts(run.fit()) == expected.facts
    for name, value in expected.parameters.items():
        np.testing.assert_array_equal(parameters(run.trainer)[name], value, err_msg=name)
    assert [os.path.basename(path) for path in list_checkpoints(str(tmp_path))] == [
        "checkpoint-0003-000003",
        "checkpoint-0004",
    ]


PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from aff.training.interruption import Interruption
signal.signal(signal.SIGHUP, signal.SIG_IGN if sys.argv[3:] else signal.SIG_DFL)
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


def started(pause, *more):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, root, pause, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("others", [[signal.SIGHUP, signal.SIGTERM], [signal.SIGHUP]])
def test_a_hang_up_is_never_the_second_signal(others):
    process = started("0.5")
    for number in (signal.SIGHUP, *others):
        process.send_signal(number)
        time.sleep(0.1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM  # its own, at its end
    assert errors.count("finishing this step, then saving") == 1


def test_a_hang_up_that_is_ignored_stays_ignored():
    process = started("0", "nohup")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert "asked SIGTERM" in output and "SIGHUP" not in errors
