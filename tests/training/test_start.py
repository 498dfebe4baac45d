"""New runs from the parameters and optimizer states of others; pickles are not read."""

import os
import pickle

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.parameters import save_arrays, save_parameters
from aff.training.checkpoint import save_checkpoint, start_from
from aff.training.config import TrainConfig
from aff.training.optimizer_states import saved_arrays

from ..distributed.steps import batches, new_trainer
from .helpers import parameters, small_trainer

PARAMS, STATES = "checkpoint-0001/net.params", "checkpoint-0001/optimizer.params"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A trainer's files after four steps, and its parameters after four more."""
    folder = tmp_path_factory.mktemp("started")
    trainer, parts = new_trainer(), list(batches())
    trainer.train_epoch(parts[:4], 0)
    save_checkpoint(str(folder), trainer, 1, {})
    trainer.optimizer.save_states(str(folder / "trainer.states"))
    trainer.train_epoch(parts[4:8], 1)
    return folder, parameters(trainer)


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, 2])
def test_training_goes_on(started, devices):
    folder, expected = started
    trainer = new_trainer(seed=7, devices=devices)
    start_from(trainer, str(folder / PARAMS), str(folder / STATES), step=4)
    assert trainer.step == 4
    trainer.train_epoch(list(batches())[4:8], 1)
    for name, value in parameters(trainer).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=2e-6, err_msg=name)


def test_without_states_the_momentum_is_missing(started):
    folder, expected = started
    trainer = new_trainer(seed=7)
    start_from(trainer, str(folder / PARAMS), step=4)
    trainer.train_epoch(list(batches())[4:8], 1)
    found = parameters(trainer)
    assert max(abs(found[name] - value).max() for name, value in expected.items()) > 1e-4


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: ({0: evil}, evil)])
def test_a_pickle_is_refused_and_runs_nothing(started, tmp_path, wrap, protocol):
    path, mark = tmp_path / "evil.states", tmp_path / "mark"
    path.write_bytes(pickle.dumps(wrap(Evil(mark)), protocol))
    with pytest.raises(aff.InputError, match="resume_states .*evil.states.* pickle") as error:
        start_from(small_trainer(), str(started[0] / PARAMS), str(path))
    assert "\n" not in str(error.value)
    assert not mark.exists()


def test_states_as_mxnet_saves_them_are_refused(started):
    folder, _ = started
    with pytest.raises(aff.InputError, match="trainer.states.* pickle.*optimizer.params"):
        start_from(new_trainer(), str(folder / PARAMS), str(folder / "trainer.states"))


def test_damaged_states(started, tmp_path):
    """Whatever a file holds, it is refused, and nothing of it runs: mxnet's own states, cut and
    altered, among them.
    """
    path, mark = tmp_path / "cut.states", tmp_path / "mark"
    trainer = new_trainer()
    rng = np.random.default_rng(0)
    evil = pickle.dumps(Evil(mark), 0)  # of a protocol without a mark at its start
    for content in ((started[0] / "trainer.states").read_bytes(), evil):
        for _ in range(15):
            damaged = bytearray(content[: rng.integers(1, len(content))])
            for place in rng.integers(0, len(damaged), 3):
                damaged[place] = rng.integers(256)
            path.write_bytes(bytes(damaged))
            with pytest.raises(aff.InputError, match=r"cut\.states"):
                start_from(trainer, str(started[0] / PARAMS), str(path))
    path.write_bytes(evil)
    with pytest.raises(aff.InputError, match=r"cut\.states"):
        start_from(trainer, str(started[0] / PARAMS), str(path))
    assert not mark.exists()


def test_states_of_another_network(started, tmp_path):
    other = small_trainer(fusion="Add")
    save_parameters(other.net, str(tmp_path / "net.params"))
    with pytest.raises(aff.InputError, match="optimizer.params: .*another network"):
        start_from(other, str(tmp_path / "net.params"), str(started[0] / STATES))


def trainer_of(kind, **settings):
    """A trainer by an optimizer, with its usual settings."""
    usual = TrainConfig(optimizer=kind).optimizer_settings
    return small_trainer(optimizer=kind, settings=settings or usual)


KINDS = ("nag", "sgd", "adamw", "lamb", "adagrad")


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_another_optimizer(kind, tmp_path):
    """Some have the same shapes: a momentum is no sum of squares."""
    params, states = str(tmp_path / "net.params"), str(tmp_path / "optimizer.params")
    trainer = trainer_of(kind)
    trainer.create_states()
    save_parameters(trainer.net, params)
    save_arrays(states, saved_arrays(trainer))
    start_from(trainer_of(kind), params, states)
    for other in KINDS:
        if other != kind:
            with pytest.raises(aff.InputError, match=f"of {kind}, not of optimizer {other}"):
                start_from(trainer_of(other), params, states)


def test_states_without_momentum(tmp_path):
    params, states = str(tmp_path / "net.params"), str(tmp_path / "optimizer.params")
    trainer = trainer_of("nag", momentum=0.0)
    save_parameters(trainer.net, params)
    save_arrays(states, saved_arrays(trainer))
    with pytest.raises(aff.InputError, match="or of other optimizer, momentum"):
        start_from(trainer_of("nag"), params, states)


@pytest.mark.parametrize("count", [[np.nan], [np.inf], [-5], [1, 1], []])
def test_a_count_of_updates_that_is_none(count, tmp_path):
    params, states = str(tmp_path / "net.params"), str(tmp_path / "optimizer.params")
    trainer = trainer_of("adamw")
    trainer.create_states()
    save_parameters(trainer.net, params)
    arrays = saved_arrays(trainer)
    arrays["updates"] = mx.nd.array(count) if count else mx.nd.zeros((1, 1))
    save_arrays(states, arrays)
    with pytest.raises(aff.InputError, match="how many updates"):
        start_from(trainer, params, states)
