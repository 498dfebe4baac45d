"""Where runs go: no two share a folder, and a resumed one finds its own."""

import os

import pytest

import aff
from aff.training.run_folder import choose, create


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def checkpoint(path):
    os.makedirs(os.path.join(path, "checkpoint-0001"))


def test_names_are_numbered_and_logs_follow():
    for expected in ("run", "run-2", "run-3"):
        dirs = choose("run", None, None, None)
        assert (dirs.save_dir, dirs.log_dir) == (f"params/{expected}", f"logs/{expected}")
        create(dirs)


def test_nothing_is_created_by_choosing(tmp_path):
    choose("run", None, None, "auto")
    assert not list(tmp_path.iterdir())


def test_two_runs_that_chose_the_same_folder():
    first, second = choose("run", None, None, None), choose("run", None, None, None)
    create(first)
    with pytest.raises(aff.InputError, match="params/run: another run"):
        create(second)


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
    os.makedirs("there")
    with open("there/settings.json", "w") as file:
        file.write("{}")
    assert choose("run", "there", None, "auto").checkpoint is None
    with pytest.raises(aff.InputError, match="there holds a run already: .*resume auto"):
        choose("run", "there", None, None)


def test_folders_that_cannot_be_written(monkeypatch):
    os.makedirs("read-only")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(aff.InputError, match="read-only: cannot be written"):
        create(choose("run", "read-only", None, None))
    with open("file", "w"):
        pass
    with pytest.raises(aff.InputError, match="file: cannot be created|file: another"):
        create(choose("run", "file", None, None))


def touch(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w"):
        pass


def test_a_finished_run_without_checkpoints_is_not_overwritten():
    touch("there/settings.json")
    touch("there/best.params")
    for resume, message in ((None, "there holds a run.*resume auto"), ("auto", "no checkpoint")):
        with pytest.raises(aff.InputError, match=message):
            choose("run", "there", None, resume)


def test_resuming_a_folder_takes_no_other():
    checkpoint("there")
    with pytest.raises(aff.InputError, match="goes on in there: .*save_dir other"):
        choose("run", "other", None, "there")


def test_logs_of_another_run_are_not_written_to():
    touch("logs/x/train.jsonl")
    with pytest.raises(aff.InputError, match="logging_dir logs/x .*another run"):
        choose("run", "b/x", None, None)
    touch("logs/run/train.jsonl")
    assert choose("run", None, None, None).save_dir == "params/run-2"


def test_auto_takes_the_highest_number_even_behind_a_gap():
    checkpoint("params/run-2")
    assert choose("run", None, None, "auto").save_dir == "params/run-2"
    touch("params/run-5/settings.json")
    dirs = choose("run", None, None, "auto")
    assert (dirs.save_dir, dirs.checkpoint) == ("params/run-5", None)


def test_what_cannot_be_created_leaves_nothing():
    touch("./file")
    with pytest.raises(aff.InputError, match="cannot be created"):
        create(choose("run", None, "file/logs", None))
    assert os.listdir(".") == ["file"]
