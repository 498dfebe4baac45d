"""Checkpoints that are not what was saved: a bit, a file, a step, a link."""

import json
import os
import shutil

import mxnet as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aff
from aff.models.parameters import save_arrays
from aff.training.checkpoint import list_checkpoints, remove_left_overs
from aff.training.state import RunState
from aff.utils.files import write_json
from aff.utils.params_file import ArrayFile
from aff.utils.sums import SUMS, write_sums

from .helpers import small_run, small_trainer

FILES = ("net.params", "optimizer.params", "state.json", "best.params", SUMS)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(file=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_seen(copied, file, place, bit):
    path = copied / "checkpoint-0001" / file
    whole = path.read_bytes()
    content = bytearray(whole)
    content[int(place * len(content))] ^= 1 << bit
    path.unlink()  # it has other names
    try:
        path.write_bytes(content)
        with pytest.raises(aff.InputError, match=str(path.parent)):
            RunState.resumed(str(path.parent), small_trainer())
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("file", FILES[:4])
@pytest.mark.parametrize("damage", ["of the other", "gone", "a link to nothing that ends"])
def test_another_checkpoint_s_files_are_seen(copied, file, damage):
    path = copied / "checkpoint-0001" / file
    path.unlink()
    if damage == "of the other":
        shutil.copy(copied / "checkpoint-0002" / file, path)
        if file == "best.params":
            path.write_bytes((copied / "checkpoint-0002" / "optimizer.params").read_bytes())
    elif damage != "gone":
        path.symlink_to("/dev/zero")
    with pytest.raises(aff.InputError, match=file):
        RunState.resumed(str(path.parent), small_trainer())


def changed(folder, **values):
    """A checkpoint whose state is another, as whole as it can be made."""
    path = folder / "state.json"
    write_json(str(path), {**json.loads(path.read_text()), **values})


@pytest.mark.parametrize("step", [[1.0, 1.0], [np.nan], [[5.0]]])
def test_a_step_of_another_form_is_seen(copied, step):
    folder = copied / "checkpoint-0001"
    file = ArrayFile(str(folder / "optimizer.params"))
    arrays = {name: mx.nd.array(file[name]) for name in file.shapes}
    save_arrays(file.path, {**arrays, "step": mx.nd.array(step)})
    (folder / SUMS).unlink()
    with pytest.raises(aff.InputError, match="is of step"):
        RunState.resumed(str(folder), small_trainer())


@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        *({"step": step} for step in (-5, 0, 5, 3.5, True, "4", None)),
        {"first_epoch": 1},
        {"steps_per_epoch": 5},
        {"partial": {"batches": 2}},
    ],
)
def test_a_state_of_another_step_is_seen(copied, values, sums):
    folder = copied / "checkpoint-0001"
    changed(folder, **values)
    (folder / SUMS).unlink()
    if sums:
        write_sums(str(folder))
    with pytest.raises(aff.InputError, match=r"state\.json|optimizer\.params"):
        RunState.resumed(str(folder), small_trainer())


def test_a_checkpoint_without_sums_is_of_an_earlier_version(copied):
    (copied / "checkpoint-0001" / SUMS).unlink()
    RunState.resumed(str(copied / "checkpoint-0001"), small_trainer())


def test_checkpoints_that_lie_elsewhere(tiny_data, copied, tmp_path):
    """A link is followed to read; what is removed is the link."""
    elsewhere = tmp_path / "elsewhere"
    for path in list_checkpoints(str(copied)):
        shutil.copytree(path, elsewhere / os.path.basename(path))
        shutil.rmtree(path)
        os.symlink(elsewhere / os.path.basename(path), path)
    os.symlink(elsewhere / "none", copied / "checkpoint-0009")
    small_run(tiny_data, copied, 4, resume_changed=True).fit()
    assert [os.path.basename(path) for path in list_checkpoints(str(copied))] == [
        "checkpoint-0003",
        "checkpoint-0004",
    ]
    for name in ("checkpoint-0001", "checkpoint-0002"):
        assert sorted(os.listdir(elsewhere / name)) == sorted(FILES)
    assert not list(copied.glob("*.tmp"))


def test_only_what_a_run_writes_is_cleaned_up(tmp_path):
    theirs = ["report.2024.tmp", "data.5.tmp", "checkpoint.5.tmp", "x.params.7.tmp", "best.params"]
    ours = ["best.params.7.tmp", "epoch-0002.params.7.tmp", "checkpoint-0002.old.7.tmp"]
    ours += ["checkpoint-0002-000100.7.tmp", "settings.json.7.tmp", "train.jsonl.7.tmp"]
    ours += ["history.png.7.tmp"]
    for name in (*theirs, *ours):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    os.symlink(tmp_path / "best.params", tmp_path / "epoch-0004.params.7.tmp")
    remove_left_overs(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted(theirs)
    assert os.listdir(tmp_path / "best.params") == ["file"]


def test_nothing_is_written_through_a_link(tiny_data, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("best.params", "settings.json"):
        os.symlink(precious, run / f"{name}.{os.getpid()}.tmp")
    small_run(tiny_data, run, 1).fit()
    assert precious.read_text() == "precious"


def test_the_log_of_a_run_that_was_killed_before_its_first_checkpoint(tiny_data, tmp_path):
    run = small_run(tiny_data, tmp_path, 2)

    def killed(*_):
        raise KeyboardInterrupt

    for _ in range(2):
        run = small_run(tiny_data, tmp_path, 2)
        run.keeper.save = killed
        with pytest.raises(KeyboardInterrupt):
            run.fit()
    small_run(tiny_data, tmp_path, 2).fit()
    with open(tmp_path / "logs" / "train.jsonl", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [0, 1]
