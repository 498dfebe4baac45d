"""How far a loop is: a bar that is never wider than its terminal, lines elsewhere, and the time
that is left.
"""

import fcntl
import os
import pty
import re
import struct
import termios
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aff.training import progress
from aff.training.logger import RunLogger
from aff.training.progress import COUNT, NARROWEST, PICTURE, Loop, RunClock, fitting

from .helpers import events, small_run

BATCH = (range(32), None)


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard error a terminal of so many columns; gives what reads the lines drawn there,
    without the blanks that wipe them out.
    """
    opened = []

    def of(columns):
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        stream = os.fdopen(side, "w")
        opened.extend((main, stream))
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)

        def lines():
            stream.flush()
            drawn = os.read(main, 1 << 16).decode().replace("\x1b[A", "")
            assert "\n" not in drawn
            assert max(map(len, drawn.split("\r"))) < columns
            return [line.rstrip() for line in drawn.split("\r") if line.strip()]

        return lines

    yield of
    for main, stream in zip(opened[::2], opened[1::2]):
        stream.close()
        os.close(main)


def slowly(count):
    """Batches of 32 images, as far apart as a bar's drawings are."""
    for _ in range(count):
        time.sleep(0.11)
        yield BATCH


def loop(**more):
    clock = RunClock(time.perf_counter(), 399, [3600.0] * 7)
    figures = ["loss 2.3014", "lr 0.09877"]
    return Loop("epoch 120", 390, 240, 1, lambda: figures, clock, **more)


@pytest.mark.parametrize(
    "columns, shown, left_out",
    [
        (120, ["|", "lr 0.09877"], []),
        (80, ["images/s"], ["lr"]),
        (60, [], ["images/s", "lr", "|"]),
    ],
)
def test_a_bar_fits_its_terminal(columns, shown, left_out, terminal):
    lines = terminal(columns)
    assert len(list(RunLogger().progress(slowly(4), loop()))) == 4
    last = lines()[-1]
    assert last.startswith("epoch 120")
    assert re.search(r" 24[1-4]/390, ", last)
    for part in ("loss 2.3014", " left, run 399:", *shown):
        assert part in last
    for part in left_out:
        assert part not in last


@pytest.mark.parametrize("columns", [80, 60, 20])
def test_the_bar_of_an_evaluation_fits_too(columns, terminal):
    lines = terminal(columns)
    clock = RunClock(time.perf_counter(), 9)
    evaluated = Loop("evaluate the average on test", 5, workers=2, clock=clock)
    assert len(list(RunLogger().progress(slowly(4), evaluated))) == 4
    last = lines()[-1]
    assert last.startswith("evaluate the avera")
    assert bool(re.search(" [1-4]/5, ", last)) == ("left, run" in last) == (columns > 20)


def test_a_bar_tells_what_both_workers_do_in_a_second(terminal):
    lines = terminal(100)
    list(RunLogger().progress(slowly(8), Loop("x", 8, workers=2)))
    rate = float(lines()[-1].split(" images/s")[0].split()[-1])
    assert 0.5 * 64 / 0.11 < rate <= 64 / 0.11 + 1


@given(
    st.lists(st.tuples(st.integers(0, 7), st.text("ab c", max_size=9)), min_size=1),
    st.integers(1, 120),
)
def test_what_fits_is_the_most_important(parts, limit):
    parts = [(rank, "|{bar}|" if rank == PICTURE else text) for rank, text in parts]
    line = fitting(parts, limit)
    assert len(line) <= limit
    whole = [fitting([part for part in parts if part[0] <= rank], None) for rank in range(8)]
    assert line in whole or any(line == text[:limit] for text in whole[: COUNT + 1])
    wider = whole[whole.index(line) + 1 :] if line in whole else whole[COUNT + 1 :]
    room = limit + len("{bar}") - NARROWEST
    assert all(len(text) > (room if "{bar}" in text else limit) for text in wider if text != line)


def test_parts_go_by_their_rank():
    parts = [(0, "epoch 1"), (6, "|{bar}|"), (1, "2/3"), (3, "loss 1"), (2, "01:00 left")]
    assert fitting(parts, None) == "epoch 1 |{bar}| 2/3, loss 1, 01:00 left"
    assert fitting(parts, 42) == fitting(parts, None)  # the bar has eight columns, or more
    assert fitting(parts, 41) == "epoch 1 2/3, loss 1, 01:00 left"
    assert fitting(parts, 30) == "epoch 1 2/3, 01:00 left"
    assert fitting(parts, 5) == "epoch"


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on as it is told."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_what_is_left_of_a_run(clock):
    first = RunClock(1000.0, after=9)
    clock(30)
    assert first.left(10) == 10 + 9 * 40  # by this epoch's own speed
    later = RunClock(1000.0, 9, [1000.0, *[50.0] * 5])
    assert later.left(10) == 20 + 9 * 50  # with the evaluation, which earlier epochs had
    assert later.left(100) == 100 + 9 * 50
    assert RunClock(1000.0, 0).left(10) == 10


def test_a_line_every_so_often_is_of_whole_intervals(clock):
    said = []

    def batches():
        for _ in range(7):
            clock(2)
            yield BATCH

    run = Loop("epoch 7", 10, 3, 2, lambda: ["loss 2.5", "lr 0.1"], RunClock(994.0, 1))
    assert len(list(progress.told(batches(), run, 4, said.append))) == 7
    assert said == [
        "epoch 7, batch 4 of 10: 32 images/s, loss 2.5, lr 0.1, 00:12 left, of the run 00:32",
        "epoch 7, batch 8 of 10: 32 images/s, loss 2.5, lr 0.1, 00:04 left, of the run 00:24",
    ]


@pytest.mark.numeric
def test_a_runs_log_tells_of_training_and_evaluation(tiny_data, tmp_path):
    small_run(tiny_data, tmp_path, 2, log_interval=2).fit()
    said = (tmp_path / "logs" / "train.log").read_text().splitlines()
    for start in ("epoch 1, batch 4 of 4: ", "evaluate test, batch 2 of 3: "):
        found = [line[20:] for line in said if line[20:].startswith(start)]
        assert found and all(" left, of the run 00:" in line for line in found)
    assert len(events(tmp_path)) == 4
