"""Where runs go: no two share a folder, and a resumed one finds its own."""

import contextlib
import json
import os
import threading

import pytest

import aff
from aff.training.config import TrainConfig
from aff.training.run_folder import RunFolder, choose, open_folder
from aff.utils.lock import LOCK, locked

RUN = json.dumps({"training": {}})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def checkpoint(path):
    os.makedirs(os.path.join(path, "checkpoint-0001"))


def create(dirs):
    """Create the folders of a run that were chosen."""
    with contextlib.ExitStack() as held:
        given = TrainConfig(save_dir=dirs.save_dir, logging_dir=dirs.log_dir)
        RunFolder(given, dirs, held).create()


def test_names_are_numbered_and_logs_follow():
    for expected in ("run", "run-2", "run-3"):
        dirs = choose("run", None, None, None)
        assert (dirs.save_dir, dirs.log_dir) == (f"params/{expected}", f"logs/{expected}")
        create(dirs)


def test_nothing_is_created_by_choosing(tmp_path):
    choose("run", None, None, "auto")
    assert not list(tmp_path.iterdir())


def finish(folder):
    """Leave what a run leaves."""
    write(f"{folder}/settings.json", RUN)
    os.makedirs(f"{folder}/checkpoint-0001")


def remove(folder):
    """Take a run's checkpoint away."""
    os.rmdir(f"{folder}/checkpoint-0001")


@pytest.mark.parametrize("resume", [None, "auto"])
@pytest.mark.parametrize("save_dir", [None, "there"])
def test_what_another_run_did_meanwhile_is_seen(resume, save_dir):
    """Between the choice of folders and a run's start its data are read, which takes its time."""
    config = TrainConfig(save_dir=save_dir, resume=resume)
    with open_folder(config, {}) as folder:
        finish(folder.save_dir)
        with pytest.raises(aff.InputError, match=folder.save_dir):
            folder.create()
        assert not os.path.exists(folder.log_dir)
    assert sorted(os.listdir(folder.save_dir)) == ["checkpoint-0001", "settings.json"]


@pytest.mark.parametrize("meanwhile", [finish, remove])
def test_what_another_run_did_before_the_folder_was_held_is_seen(meanwhile, monkeypatch):
    finish("there")
    dirs = choose("run", "there", None, "auto")
    assert dirs.checkpoint
    config = TrainConfig(save_dir="there", resume="auto")
    if meanwhile is finish:
        os.rename("there/checkpoint-0001", "there/checkpoint-0002")
    else:
        remove("there")
    with contextlib.ExitStack() as held:
        if meanwhile is finish:
            folder = RunFolder(config, dirs, held)
            assert folder.checkpoint == "there/checkpoint-0002"
        else:
            with pytest.raises(aff.InputError, match="there"):
                RunFolder(config, dirs, held)


def test_two_runs_that_chose_the_same_folder():
    config = TrainConfig(save_dir="there")
    with open_folder(config, {}) as first, open_folder(config, {}) as second:
        first.create()
        with pytest.raises(aff.InputError, match=f"process {os.getpid()} on .*save_dir"):
            second.create()
    assert os.listdir("there") == []


def test_a_folder_that_a_refused_run_removes_is_made_again(tmp_path):
    """One of several runs that start together is never refused: what the others made before they
    were, they remove as far as it is empty.
    """
    config, over = TrainConfig(save_dir="run", logging_dir="logs"), threading.Event()

    def remove_all():
        while not over.is_set():
            for name in ("run", "logs"):
                with contextlib.suppress(OSError):
                    os.rmdir(tmp_path / name)

    remover = threading.Thread(target=remove_all)
    remover.start()
    try:
        for _ in range(100):
            with open_folder(config, {}) as folder:
                folder.create()
                assert os.path.isdir("run") and os.path.isdir("logs")
    finally:
        over.set()
        remover.join()


def test_auto_takes_the_newest_run_of_the_name():
    assert choose("run", None, None, "auto").checkpoint is None
    checkpoint("params/run")
    checkpoint("params/run-2")
    assert choose("run", None, None, "auto").checkpoint == "params/run-2/checkpoint-0001"
    assert choose("run", None, None, "auto").save_dir == "params/run-2"


def test_a_folder_or_a_checkpoint_can_be_named():
    checkpoint("there")
    for named in ("there", "there/checkpoint-0001", "there/checkpoint-0001/"):
        dirs = choose("run", None, None, named)
        assert (dirs.save_dir, dirs.checkpoint) == ("there", "there/checkpoint-0001")
    assert choose("run", "there", "elsewhere", "auto").log_dir == "elsewhere"


def test_a_run_without_a_checkpoint_yet_is_started_anew_where_resuming_is_asked_for():
    write("there/settings.json", RUN)
    assert choose("run", "there", None, "auto").checkpoint is None
    with pytest.raises(aff.InputError, match="there holds a run already: .*resume auto"):
        choose("run", "there", None, None)


def test_folders_that_cannot_be_written(monkeypatch):
    os.makedirs("read-only")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(aff.InputError, match="read-only: .* cannot be written"):
        create(choose("run", "read-only", None, None))
    with open("file", "w"):
        pass
    with pytest.raises(aff.InputError, match="file: "):
        create(choose("run", "file", None, None))


def write(path, text=""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def test_a_finished_run_without_checkpoints_is_not_overwritten():
    write("there/settings.json", RUN)
    write("there/best.params")
    for resume, message in ((None, "there holds a run.*resume auto"), ("auto", "no checkpoint")):
        with pytest.raises(aff.InputError, match=message):
            choose("run", "there", None, resume)


def test_resuming_a_folder_takes_no_other():
    checkpoint("there")
    with pytest.raises(aff.InputError, match="goes on in there: .*save_dir other"):
        choose("run", "other", None, "there")


def test_logs_of_another_run_are_not_written_to():
    write("logs/x/train.jsonl")
    with pytest.raises(aff.InputError, match="logging_dir logs/x .*another run"):
        choose("run", "b/x", None, None)
    write("logs/run/train.jsonl")
    assert choose("run", None, None, None).save_dir == "params/run-2"


def test_auto_takes_the_highest_number_even_behind_a_gap():
    checkpoint("params/run-2")
    assert choose("run", None, None, "auto").save_dir == "params/run-2"
    write("params/run-5/settings.json", RUN)
    dirs = choose("run", None, None, "auto")
    assert (dirs.save_dir, dirs.checkpoint) == ("params/run-5", None)


def test_what_cannot_be_created_leaves_nothing():
    write("./file")
    with pytest.raises(aff.InputError, match="file"):
        create(choose("run", None, "file/logs", None))
    assert os.listdir(".") == ["file"]


@pytest.mark.parametrize("name", ["best.params", "epoch-0002.params", "checkpoint-0003/net.params"])
@pytest.mark.parametrize("resume", [None, "auto"])
def test_parameters_without_settings_are_not_overwritten(name, resume):
    write(f"there/{name}")
    with pytest.raises(aff.InputError, match="there"), open_folder(
        TrainConfig(save_dir="there", resume=resume), {}
    ) as folder:
        folder.create()
    assert os.path.exists(f"there/{name}")


@pytest.mark.parametrize("name", ["train.jsonl", "settings.json", "history.png"])
@pytest.mark.parametrize("resume", [None, "auto"])
def test_a_log_of_others_is_not_taken(name, resume):
    write(f"logs/there/{name}")
    with pytest.raises(aff.InputError, match="logging_dir logs/there"):
        choose("run", "there", None, resume)


def test_settings_that_are_no_run_s_are_left():
    write("there/settings.json", json.dumps({"editor.tabSize": 4}))
    with pytest.raises(aff.InputError, match="there: settings.json"):
        choose("run", "there", None, "auto")


@pytest.mark.parametrize("name", [LOCK, "train.jsonl", "train.log"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_no_link_is_written_through_and_no_pipe_waited_for(name, kind):
    write("./precious", "precious")
    write("there/settings.json", RUN)
    path = f"there/{name}"
    {
        "link": lambda: os.symlink(os.path.abspath("precious"), path),
        "pipe": lambda: os.mkfifo(path),
        "folder": lambda: os.mkdir(path),
    }[kind]()
    config = TrainConfig(save_dir="there", logging_dir="there", resume="auto")
    with pytest.raises(aff.InputError, match=path), open_folder(config, {}) as folder:
        folder.create()
    with open("precious") as file:
        assert file.read() == "precious"


def test_a_lock_that_is_none_of_ours_is_left():
    write(f"there/{LOCK}", "pinned: 1.2.3")
    with pytest.raises(aff.InputError, match=f"there/{LOCK}"), locked("there", "it"):
        pass
    with open(f"there/{LOCK}") as file:
        assert file.read() == "pinned: 1.2.3"
    write(f"there/{LOCK}", "process 7 on a-machine.there")  # killed
    with locked("there", "it"):
        pass
    assert not os.path.exists(f"there/{LOCK}")


@pytest.mark.parametrize("tensorboard", ["there", "logs/there", "auto", "board"])
def test_tensorboard_may_have_a_folder_of_the_run_s(tensorboard, tmp_path, monkeypatch):
    """Whatever lies around it."""
    for place in ("", "deeper/"):
        write(f"{place}there/settings.json", RUN)
    monkeypatch.chdir(tmp_path / "deeper")
    config = TrainConfig(save_dir="there", tensorboard=tensorboard, resume="auto")
    for _ in range(2):
        with open_folder(config, {}) as folder:
            folder.create()
            for path, way in folder.ways.items():
                write(f"{path}/settings.json", json.dumps({"training": {}, "save_dir": way}))
            write(f"{folder.events_dir}/events.out.tfevents.1.here")
        checkpoint("there") if not os.path.isdir("there/checkpoint-0001") else None
    write("other/settings.json", RUN)
    if tensorboard == "board":
        with pytest.raises(aff.InputError, match="tensorboard board holds the log of the run in"):
            choose("run", "other", None, "auto", tensorboard)
