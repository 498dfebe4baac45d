"""Event files: TensorBoard's reader finds in them each figure once, whatever happened to them."""

import errno
import os
import threading

import pytest

import aff
from aff.training import event_file
from aff.training.event_file import EventFile, event_files, read_events

from .event_reading import accumulated, points, read_back


def everything(tag, step):
    return True


def written(folder, steps=4, keeps=everything):
    """An event file with a loss at each of so many steps."""
    file = EventFile(str(folder), keeps)
    for step in range(steps):
        file.add_scalars(step, "step", {"loss": step / 2, "lr": 0.1})
    return file


def filled(folder):
    """The event files that hold something."""
    return [path for path in event_files(str(folder)) if os.path.getsize(path)]


def full_disk(path, mode):
    """Open a file that takes nothing."""
    return open("/dev/full", mode)


def losses(*steps):
    return [(step, step / 2) for step in steps]


def test_tensorboard_reads_what_is_written(tmp_path):
    file = written(tmp_path)
    found = read_back(tmp_path).scalars
    assert found["step/loss"] == losses(0, 1, 2, 3)
    assert [value for _, value in found["step/lr"]] == pytest.approx([0.1] * 4)
    assert os.listdir(tmp_path) == [os.path.basename(file.path)]


def test_what_goes_on_takes_back_what_is_not_kept(tmp_path):
    written(tmp_path)
    file = EventFile(str(tmp_path), lambda tag, step: step < 2)
    assert file.tags == {"step/loss", "step/lr"}
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1)
    file.add_scalars(2, "step", {"loss": 9.0})
    assert read_back(tmp_path).scalars["step/loss"] == [*losses(0, 1), (2, 9.0)]
    assert EventFile(str(tmp_path), lambda tag, step: False).tags == set()
    assert read_back(tmp_path).scalars == {}


@pytest.mark.parametrize("later", [0, 5])
def test_a_tensorboard_that_runs_sees_it_too(tmp_path, monkeypatch, later):
    written(tmp_path)
    running = accumulated(tmp_path)
    assert points(running)["step/loss"] == losses(0, 1, 2, 3)
    now = event_file.time.time() + later
    monkeypatch.setattr(event_file.time, "time", lambda: now)
    file = EventFile(str(tmp_path), lambda tag, step: step < 2)
    file.add_scalars(2, "step", {"loss": 9.0})
    if later:  # it is another file: what ends and begins anew within a second is not seen
        assert points(running.Reload())["step/loss"] == [*losses(0, 1), (2, 9.0)]
    assert read_back(tmp_path).scalars["step/loss"] == [*losses(0, 1), (2, 9.0)]


@pytest.mark.parametrize("cut", [1, 3, 11, 12, 13, 30])
def test_a_record_that_is_half_written_is_left_out(tmp_path, cut):
    file = written(tmp_path)
    *_, (_, last) = read_events(file.path)
    os.truncate(file.path, os.path.getsize(file.path) - len(last) + cut)
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1, 2)
    written(tmp_path, 0).add_scalars(3, "step", {"loss": 1.5})
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1, 2, 3)


@pytest.mark.parametrize("place, left", [(20, (0, 1, 3)), (0, (0, 1)), (8, (0, 1))])
def test_a_damaged_record_is_left_out(tmp_path, place, left):
    """And what is behind it, where its length is not known."""
    file = written(tmp_path)
    records = [record for _, record in read_events(file.path)]
    damaged = bytearray(records[-2])
    damaged[place] ^= 1
    with open(file.path, "wb") as stream:
        stream.write(b"".join([*records[:-2], damaged, records[-1]]))
    written(tmp_path, 0)
    assert read_back(tmp_path).scalars["step/loss"] == losses(*left)


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"nothing of the kind" * 9])
def test_what_is_no_event_file_gives_nothing(tmp_path, content):
    (tmp_path / "events.out.tfevents.1.there").write_bytes(content)
    written(tmp_path, 1)
    assert read_back(tmp_path).scalars["step/loss"] == losses(0)
    assert len(filled(tmp_path)) == 1


def test_an_event_that_is_none_is_left_out(tmp_path):
    file = written(tmp_path, 1)
    data = b"\xff" * 7
    size = len(data).to_bytes(8, "little")
    sums = [file._masked(part).to_bytes(4, "little") for part in (size, data)]
    with open(file.path, "ab") as stream:
        stream.write(size + sums[0] + data + sums[1])
    file.add_scalars(1, "step", {"loss": 0.5})
    written(tmp_path, 0)
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1)


def test_several_files_become_one(tmp_path):
    (tmp_path / "made").mkdir()
    for number in range(3):
        file = written(tmp_path / "made", 0)
        file.add_scalars(number, "step", {"loss": number / 2})
        os.replace(file.path, tmp_path / f"events.out.tfevents.{number}.there")
    written(tmp_path, 0)
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1, 2)
    assert len(filled(tmp_path)) == 1


@pytest.mark.parametrize("number", range(4))
def test_a_kill_while_it_is_reopened_loses_and_doubles_nothing(tmp_path, monkeypatch, number):
    written(tmp_path)
    there, calls = os.replace, iter(range(9))

    def replace(source, target):
        if next(calls) == number:
            raise KeyboardInterrupt
        there(source, target)

    monkeypatch.setattr(os, "replace", replace)
    killed = False
    try:
        written(tmp_path, 0)
    except KeyboardInterrupt:
        killed = True
    assert killed == (number < 3)
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1, 2, 3)
    monkeypatch.undo()
    written(tmp_path, 0)
    assert read_back(tmp_path).scalars["step/loss"] == losses(0, 1, 2, 3)
    assert len(filled(tmp_path)) == 1 and len(os.listdir(tmp_path)) <= 2


def test_no_thread_runs_and_no_file_stays_open(tmp_path):
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    written(tmp_path)
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, files)


def test_a_full_disk_is_noticed(tmp_path, monkeypatch):
    file = written(tmp_path)
    os.remove(file.path)
    os.symlink("/dev/full", file.path)
    with pytest.raises(aff.InputError, match="link"):
        file.add_scalars(9, "step", {"loss": 1.0})
    os.remove(file.path)
    monkeypatch.setattr(event_file, "open_in_place", full_disk)
    with pytest.raises(OSError) as error:
        file.add_scalars(9, "step", {"loss": 1.0})
    assert error.value.errno == errno.ENOSPC


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(tmp_path, make):
    path = str(tmp_path / "events.out.tfevents.1.there")
    make(path)
    with pytest.raises(aff.InputError, match=path):
        EventFile(str(tmp_path), everything)
    assert os.listdir(tmp_path) == [os.path.basename(path)]
