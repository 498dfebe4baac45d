"""Fine-tuning under what varies in a run: number formats, pace of the output layer."""

import numpy as np
import pytest

from aff.data import TrainLoader
from aff.models.parts import parameter_names
from aff.training.amp import Float32
from aff.training.finetune import arrange
from aff.training.network import hybridize
from aff.training.trainer import Trainer

from ..conftest import has_no_gradient
from .helpers import parameters, small_network
from .test_amp import ScaledFloat32


def trained(tiny_data, precision, frozen=(), mult=1.0, steps=None, devices=1):
    """A trainer after an epoch, or so many steps, over a network with parts that stand still; and
    its parameters before.
    """
    net = small_network(devices)
    arrange(net, False, frozen, mult)
    hybridize(net)
    contexts = next(iter(net.collect_params().values())).list_ctx()
    plain = {"wd": 0.0, "settings": {"momentum": 0.0}}
    trainer = Trainer(net, contexts, lambda step: 0.1, precision=precision, **plain)
    before = parameters(trainer)
    batches = list(TrainLoader(tiny_data, 6, 0).epoch(0))[:steps]
    trainer.train_epoch(batches, 0)
    return trainer, before


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("precision", [Float32, ScaledFloat32])
def test_what_stands_still_does_so_in_either_number_format(tiny_data, precision, devices):
    trainer, before = trained(tiny_data, precision(), ["stem", "stage2"], devices=devices)
    after, parts = parameters(trainer), parameter_names(trainer.net)
    frozen = {*parts["stem"], *parts["stage2"]}
    changed = {name for name in after if (after[name] != before[name]).any()}
    assert not changed & frozen
    moving = {*parts["stage1"], *parts["stage3"], "output.weight", "output.bias"}
    assert changed >= {name for name in moving if not has_no_gradient(name)}


def test_the_output_layer_learns_at_its_own_pace(tiny_data):
    (plain, before), (fast, _) = (trained(tiny_data, Float32(), mult=m, steps=1) for m in (1, 7))
    plain, fast = parameters(plain), parameters(fast)
    for name, value in before.items():
        times = 7 if name.startswith("output.") else 1
        np.testing.assert_allclose(
            fast[name] - value, times * (plain[name] - value), rtol=1e-3, atol=1e-6, err_msg=name
        )
