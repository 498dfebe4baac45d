"""Checkpoints: a resumed run is the undisturbed one, files are whole or not there, nothing is
pickled.
"""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.parameters import load_fitting, save_parameters
from aff.training import checkpoint as checkpoints
from aff.training.meters import Partial
from aff.training.state import RunState
from aff.utils.errors import Interrupted
from aff.utils.files import replacing, write_json

from .helpers import TICKS, after, facts, parameters, small_run, small_trainer, stop


@pytest.mark.numeric
@pytest.mark.parametrize(
    "devices", [1, *(pytest.param(count, marks=pytest.mark.slow) for count in (2, 3))]
)
def test_two_and_two_epochs_are_four(tiny_data, tmp_path, whole, devices):
    expected = whole(devices)
    with pytest.raises(Interrupted):
        small_run(tiny_data, tmp_path, devices=devices, tick=after(2 * TICKS - 1, stop)).fit()
    assert checkpoints.newest_checkpoint(str(tmp_path)).endswith("checkpoint-0002")
    second = small_run(tiny_data, tmp_path, devices=devices)
    resumed = second.fit()
    assert facts(resumed) == expected.facts
    assert resumed.best_epoch == expected.best_epoch
    for name, value in parameters(second.trainer).items():
        np.testing.assert_array_equal(value, expected.parameters[name], err_msg=name)


@pytest.mark.numeric
def test_a_run_can_be_made_longer(tiny_data, tmp_path):
    settings = {"lr_mode": "step", "lr_decay_epoch": [1], "mixup_off_epoch": 0}
    whole = small_run(tiny_data, tmp_path / "whole", 2, **settings)
    expected = whole.fit()
    small_run(tiny_data, tmp_path / "parts", 1, **settings).fit()
    with pytest.raises(aff.InputError, match="num_epochs 1 -> 2"):
        small_run(tiny_data, tmp_path / "parts", 2, **settings).fit()
    second = small_run(tiny_data, tmp_path / "parts", 2, resume_changed=True, **settings)
    assert facts(second.fit()) == facts(expected)
    for name, value in parameters(whole.trainer).items():
        np.testing.assert_array_equal(parameters(second.trainer)[name], value, err_msg=name)


def test_what_a_run_leaves(whole):
    folder = whole().folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.params",
        "checkpoint-0003",
        "checkpoint-0004",
        "epoch-0002.params",
        "epoch-0004.params",
        "logs",
        "result.json",
        "settings.json",
    ]
    assert sorted(path.name for path in (folder / "checkpoint-0003").iterdir()) == [
        "SHA256SUMS",
        "best.params",
        "net.params",
        "optimizer.params",
        "state.json",
    ]
    assert sorted(path.name for path in (folder / "logs").iterdir()) == [
        "history.png",
        "result.json",
        "settings.json",
        "train.jsonl",
        "train.log",
    ]
    errors = [record[4]["test"] for record in whole().facts]
    assert whole().best_epoch == max(
        epoch for epoch, error in enumerate(errors) if error == min(errors)
    )


def test_no_pickle_is_written(whole):
    for path in whole().folder.rglob("*"):
        if path.is_file():
            assert not path.read_bytes().startswith(b"\x80"), path


def momentum(trainer):
    """The optimizer's states by the structural names of their parameters."""
    names = {id(p): name for name, p in trainer.net._collect_params_with_prefix().items()}
    states = trainer.optimizer._updaters[0].states
    return {names[id(trainer.optimizer._params[i])]: states[i].asnumpy() for i in states}


def test_momentum_is_restored(tiny_data, tmp_path):
    run = small_run(tiny_data, tmp_path, 1)
    run.fit()
    other = small_trainer()
    checkpoints.load_checkpoint(str(tmp_path / "checkpoint-0001"), other)
    states, restored = momentum(run.trainer), momentum(other)
    assert set(states) == set(restored)
    for name, value in states.items():
        np.testing.assert_array_equal(restored[name], value, err_msg=name)
        assert value.any() or value.size <= 64


@pytest.mark.parametrize("file", ["net.params", "optimizer.params", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_damaged_checkpoints_are_named(copied, file, damage):
    path = copied / "checkpoint-0001" / file
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "other":
        if file.endswith("json"):
            write_json(
                str(path),
                {"epochs_done": 1, "precision": {}, "step": 4, "history": [], "best_epoch": 0},
            )
        else:
            mx.nd.save(str(path), {"x": mx.nd.ones(1)})
    with pytest.raises(aff.InputError, match=file):
        RunState.resumed(str(path.parent), small_trainer())


def test_a_damaged_checkpoint_names_the_one_before(tiny_data, copied):
    first, second = checkpoints.list_checkpoints(str(copied))
    with open(f"{second}/net.params", "r+b") as file:
        file.truncate(1000)
    with pytest.raises(aff.InputError, match=f"net.params: .*resume {first} "):
        small_run(tiny_data, copied, 2).fit()
    small_run(tiny_data, copied, 2, resume=first).fit()
    RunState.resumed(second, small_trainer())


def test_a_checkpoint_just_saved_is_never_pruned(tmp_path):
    """A run that went back has overtaken names: those beyond its own are void."""
    trainer = small_trainer()
    for epochs, done in ((5, 900), (5, 1000), (5, 100)):
        path = checkpoints.save_checkpoint(str(tmp_path), trainer, epochs, {}, done)
        assert checkpoints.newest_checkpoint(str(tmp_path)) == path
    checkpoints.save_checkpoint(str(tmp_path), trainer, 5, {}, 100)
    assert [path[-6:] for path in checkpoints.list_checkpoints(str(tmp_path))] == ["000100"]
    assert not list(tmp_path.glob("*.tmp"))


def test_another_number_of_steps_is_seen_in_every_epoch():
    trainer = small_trainer()
    for epoch, batches in ((0, 300), (2, 0), (2, 5)):
        state = RunState(first_epoch=epoch, steps_per_epoch=390)
        state.partial = Partial(batches) if batches else None
        trainer.step = 390 * epoch + batches
        assert not state.realign(trainer, 390)
        assert trainer.step == 390 * epoch + batches
        assert state.realign(trainer, 195)
        assert (trainer.step, state.partial) == (195 * epoch, None)


def test_what_a_killed_process_left_is_removed(tiny_data, tmp_path):
    (tmp_path / "checkpoint-0007.123.tmp").mkdir(parents=True)
    small_run(tiny_data, tmp_path, 1).fit()
    assert not list(tmp_path.glob("*.tmp"))


def test_newest_counts_numbers_not_letters(tmp_path):
    for number in ("0002", "0010", "9999", "10000"):
        (tmp_path / f"checkpoint-{number}").mkdir()
    (tmp_path / "checkpoint-20000.77.tmp").mkdir()
    assert checkpoints.newest_checkpoint(str(tmp_path)).endswith("checkpoint-10000")
    assert checkpoints.newest_checkpoint(str(tmp_path / "checkpoint-0002")).endswith(
        "checkpoint-0002"
    )
    assert checkpoints.newest_checkpoint(str(tmp_path / "none")) is None


def test_replacing_leaves_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(str(path)) as temporary:
        with open(temporary, "w") as file:
            file.write("half")
        raise OSError("full")
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_parameters_that_do_not_fit_say_how(tmp_path):
    path = str(tmp_path / "net.params")
    save_parameters(
        aff.get_model("cifar_resnet8_askc", fusion="Add", classes=4, ctx=mx.cpu()), path
    )
    fitting = aff.get_model("cifar_resnet8_askc", fusion="Add", classes=4)
    load_fitting(fitting, path, [mx.cpu()])
    with pytest.raises(
        aff.InputError,
        match=r"72 missing: features.2.0.attention.local_att.0.weight, .* and 69 more",
    ):
        load_fitting(aff.get_model("cifar_resnet8_askc", classes=4), path, [mx.cpu()])
    with pytest.raises(
        aff.InputError, match=r"2 of another shape: output.weight \(4, 64\) for \(5, 64\)"
    ):
        load_fitting(aff.get_model("cifar_resnet8_askc", fusion="Add", classes=5), path, [mx.cpu()])


def test_a_file_that_is_not_parameters(tmp_path):
    path = tmp_path / "x.params"
    for content in (b"", b"hello", b"\x80\x04."):
        path.write_bytes(content)
        with pytest.raises(aff.InputError, match="x.params"):
            load_fitting(aff.get_model("cifar_resnet8_askc"), str(path), [mx.cpu()])
    mx.nd.save(str(path), [mx.nd.ones(2)])
    with pytest.raises(aff.InputError, match="arrays without names"):
        load_fitting(aff.get_model("cifar_resnet8_askc"), str(path), [mx.cpu()])
    with pytest.raises(aff.InputError, match="no such file"):
        load_fitting(aff.get_model("cifar_resnet8_askc"), str(tmp_path / "none"), [mx.cpu()])


def test_float16_files_load_into_float32(tmp_path):
    path = str(tmp_path / "half.params")
    net = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu())
    net.cast("float16")
    net.save_parameters(path)
    other = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu())
    load_fitting(other, path, [mx.cpu()])
    for name, parameter in other._collect_params_with_prefix().items():
        assert np.dtype(parameter.dtype) == np.float32
        np.testing.assert_allclose(
            parameter.data().asnumpy(),
            net._collect_params_with_prefix()[name].data().asnumpy().astype(np.float32),
        )
