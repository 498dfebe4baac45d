import mxnet as mx
import numpy as np
import pytest

from aff.data import TrainLoader
from aff.training.grad_monitor import squared_norms
from aff.utils.errors import RunError

from .helpers import small_loop


def stopped(tiny_data, spoil, devices=1):
    """The message of a loop whose network is spoilt before its third step."""
    loop = small_loop(devices)

    def batches():
        for number, batch in enumerate(TrainLoader(tiny_data, 6, 0).epoch(0)):
            if number == 2:
                spoil(loop.net._collect_params_with_prefix())
            yield batch

    with pytest.raises(RunError) as error:
        loop.train_epoch(batches(), 7)
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
    last = [name for name in small_loop().net._collect_params_with_prefix() if "features" in name]
    trained = [name for name in last if "running" not in name]
    assert f"(on the way back, first in the gradient of {trained[-1]})" in message


@pytest.mark.parametrize("bad", [None, np.inf, -np.inf, np.nan])
def test_a_squared_norm_is_finite_where_the_values_are(bad):
    arrays = [mx.nd.ones((3, 2)), mx.nd.ones((5,)) * 1e18, mx.nd.zeros((7, 1, 1))]
    if bad is not None:
        arrays[1][3] = bad
    assert np.isfinite(squared_norms(arrays).asnumpy()).tolist() == [True, bad is None, True]
