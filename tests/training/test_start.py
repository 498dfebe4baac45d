"""New runs from the parameters and optimizer states of others, pickles among them."""

import pickle

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.parameters import save_parameters
from aff.training.checkpoint import save_checkpoint
from aff.training.pickled_states import read_pickled_states
from aff.training.start import start_from

from . import dist_worker
from .dist_worker import batches
from .helpers import parameters, small_loop


def new_loop(**settings):
    """A loop named as in a process of its own: mxnet numbers states in the order of global names,
    in which Gluon's counters decide whether block 9 comes before block 10.
    """
    with mx.name.NameManager():
        return dist_worker.new_loop(**settings)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A loop after four steps, its files, and its parameters after four more."""
    folder = tmp_path_factory.mktemp("earlier")
    loop, parts = new_loop(), list(batches())
    loop.train_epoch(parts[:4], 0)
    save_checkpoint(str(folder), loop, 1, {})
    loop.trainer.save_states(str(folder / "trainer.states"))
    loop.train_epoch(parts[4:8], 1)
    return folder, parameters(loop)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("states", ["checkpoint-0001/optimizer.params", "trainer.states"])
def test_training_goes_on(earlier, states, devices):
    folder, expected = earlier
    loop = new_loop(seed=7, devices=devices)
    start_from(
        loop,
        str(folder / "checkpoint-0001/net.params"),
        str(folder / states),
        step=4,
        accept_pickle=True,
    )
    loop.train_epoch(list(batches())[4:8], 1)
    for name, value in parameters(loop).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=2e-6, err_msg=name)


def test_without_states_the_momentum_is_missing(earlier):
    folder, expected = earlier
    loop = new_loop(seed=7)
    start_from(loop, str(folder / "checkpoint-0001/net.params"), step=4)
    loop.train_epoch(list(batches())[4:8], 1)
    found = parameters(loop)
    assert max(abs(found[name] - value).max() for name, value in expected.items()) > 1e-4


def test_a_pickle_is_refused_without_the_flag(earlier):
    folder, _ = earlier
    with pytest.raises(aff.InputError, match="is a pickle.*--accept-pickled-states"):
        start_from(
            new_loop(),
            str(folder / "checkpoint-0001/net.params"),
            str(folder / "trainer.states"),
        )


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: ({0: evil}, evil)])
def test_an_evil_pickle_runs_nothing(tmp_path, wrap):
    path, mark = tmp_path / "evil.states", tmp_path / "mark"
    path.write_bytes(pickle.dumps(wrap(Evil(mark))))
    with pytest.raises(aff.InputError, match="holds no optimizer states"):
        read_pickled_states(str(path))
    assert not mark.exists()


def test_damaged_pickles(earlier, tmp_path):
    content = (earlier[0] / "trainer.states").read_bytes()
    path = tmp_path / "cut.states"
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content[: rng.integers(1, len(content))])
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        with pytest.raises(aff.InputError, match=r"cut\.states"):
            read_pickled_states(str(path))


def test_states_of_another_network(earlier, tmp_path):
    folder, _ = earlier
    other = small_loop(fusion="Add")
    save_parameters(other.net, str(tmp_path / "net.params"))
    for states in ("checkpoint-0001/optimizer.params", "trainer.states"):
        with pytest.raises(aff.InputError, match="holds states of another network"):
            start_from(
                other, str(tmp_path / "net.params"), str(folder / states), accept_pickle=True
            )
