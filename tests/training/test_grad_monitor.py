"""Whether a step diverged, and where it went wrong."""

import mxnet as mx
import numpy as np
import pytest

from aff.data import TrainLoader
from aff.training.amp import Float32
from aff.training.grad_monitor import squared_norms
from aff.utils.errors import RunError

from .helpers import small_network, small_trainer


def stopped(tiny_data, spoil, devices=1):
    """The message of a trainer whose network is spoilt before its third step."""
    trainer = small_trainer(devices)

    def batches():
        for number, batch in enumerate(TrainLoader(tiny_data, 6, 0).epoch(0)):
            if number == 2:
                spoil(trainer.net._collect_params_with_prefix())
            yield batch

    with pytest.raises(RunError) as error:
        trainer.train_epoch(batches(), 7)
    return str(error.value)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize(
    "weight, seen",
    [
        ("features.2.0.resfwd.2.weight", r"features.2.0.resfwd.3.running_mean"),
        ("features.3.0.resfwd.2.weight", r"features.3.0.resfwd.3.running_mean"),
    ],
)
def test_the_first_layer_after_broken_weights_is_named(tiny_data, weight, seen, devices):
    message = stopped(
        tiny_data, lambda net: net[weight].set_data(net[weight].data() * np.nan), devices
    )
    assert "not finite at epoch 7, step 2, learning rate" in message
    assert f"(on the way forward, first seen in {seen})" in message


def test_gradients_that_overflow_are_named_where_they_first_do(tiny_data):
    def spoil(net):
        net["output.weight"].set_data(net["output.weight"].data() * 1e38)

    message = stopped(tiny_data, spoil)
    assert "not finite at epoch 7, step 2" in message
    names = [name for name in small_network()._collect_params_with_prefix() if "features" in name]
    trained = [name for name in names if "running" not in name]
    assert f"(on the way back, first in the gradient of {trained[-1]})" in message


@pytest.mark.parametrize("bad", [None, np.inf, -np.inf, np.nan])
def test_a_squared_norm_is_finite_where_the_values_are(bad):
    arrays = [mx.nd.ones((3, 2)), mx.nd.ones((5,)) * 1e18, mx.nd.zeros((7, 1, 1))]
    if bad is not None:
        arrays[1][3] = bad
    assert np.isfinite(squared_norms(arrays).asnumpy()).tolist() == [True, bad is None, True]


class Steep(Float32):
    """Gradients `factor` times as large as they are applied."""

    def __init__(self, factor):
        self.factor = factor

    def scale(self, loss):
        return loss * self.factor

    def update(self, trainer, batch_size, clipper=None):
        trainer.step(batch_size * self.factor)
        return True


def test_a_finite_gradient_whose_square_is_not_does_not_stop_the_run(tiny_data):
    found = []
    for factor in (1, 1e25):
        trainer = small_trainer(precision=Steep(factor))
        found.append(trainer.train_epoch(TrainLoader(tiny_data, 6, 0).epoch(0), 7).loss)
        norms = trainer.monitor.measure()
        assert np.isinf(norms.gradients.asnumpy()).any() == (factor > 1)
        assert not trainer.monitor.diverged(norms)
    assert found[1] == pytest.approx(found[0], rel=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("lr", [0.1, 1e-30])
def test_a_gradient_that_is_not_finite_stops_the_run(tiny_data, value, lr):
    class Spoilt(Float32):
        def update(self, trainer, batch_size, clipper=None):
            weight = next(p for p in trainer._params if p.name.endswith("dense0_weight"))
            weight.list_grad()[0][1] = value
            return super().update(trainer, batch_size)

    trainer = small_trainer(precision=Spoilt(), schedule=lambda step: lr)
    batch = next(TrainLoader(tiny_data, 6, 0).epoch(0))
    with pytest.raises(RunError, match="gradient .* not finite at epoch 7, step 0, .*weight"):
        trainer.train_epoch([batch], 7)
    assert trainer.monitor.diverged(trainer.monitor.measure())
