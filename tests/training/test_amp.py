"""float16's loss scaling, exercised with float32 arithmetic, which is what a CPU has."""

from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet.contrib.amp.loss_scaler import LossScaler

import aff
from aff.data import TrainLoader
from aff.training import amp, loss_scale
from aff.training.amp import Float16, Float32, create_precision
from aff.training.loss_scale import ScaleState, all_finite
from aff.training.meters import EpochMeter, Partial
from aff.utils.errors import RunError

from .helpers import parameters, small_trainer


class ScaledFloat32(Float16):
    """The scaling of Float16 over float32 arithmetic."""

    dtype = "float32"


def batches(data, epoch=0):
    return TrainLoader(data, 6, 0).epoch(epoch)


def trained(tiny_data, precision, devices=1):
    trainer = small_trainer(devices=devices, precision=precision)
    trainer.train_epoch(batches(tiny_data), 0)
    return trainer


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, 2])
def test_scaling_does_not_change_what_is_learned(tiny_data, devices):
    plain = trained(tiny_data, Float32(), devices)
    scaled = trained(tiny_data, ScaledFloat32(), devices)
    for name, value in parameters(plain).items():
        np.testing.assert_allclose(parameters(scaled)[name], value, rtol=1e-4, atol=1e-6)
    assert scaled.precision.state() == {"loss_scale": 65536, "unskipped": 4, "skipped": 0}


def optimizer_states(trainer):
    return [
        {index: state.asnumpy().copy() for index, state in updater.states.items()}
        for updater in trainer.optimizer._updaters
    ]


@pytest.mark.parametrize("devices", [1, 2])
def test_a_step_left_out_changes_neither_parameters_nor_momentum(tiny_data, devices):
    trainer = small_trainer(devices=devices, precision=ScaledFloat32())
    trainer.train_epoch(batches(tiny_data), 0)
    trainable = {
        name
        for name, parameter in trainer.net._collect_params_with_prefix().items()
        if parameter.grad_req != "null"
    }
    before, states = parameters(trainer), optimizer_states(trainer)
    infinite = ScaleState(float("inf"), 4, 0)
    trainer.precision._on = {device: infinite.on(device) for device in trainer.devices}
    trainer.train_step(*next(iter(batches(tiny_data))), EpochMeter(0, None, Partial()))
    for name in trainable:
        np.testing.assert_array_equal(parameters(trainer)[name], before[name])
    for old, new in zip(states, optimizer_states(trainer)):
        for index, value in old.items():
            np.testing.assert_array_equal(new[index], value)
    assert trainer.precision.state()["skipped"] == 1


def test_steps_left_out_are_said_late_but_by_their_number(tiny_data, monkeypatch):
    trainer, said = small_trainer(precision=ScaledFloat32()), []
    finite = iter([0, 1, 0, 1])
    monkeypatch.setattr(amp, "all_finite", lambda _: mx.nd.array([next(finite)]))
    trainer.train_epoch(batches(tiny_data), 3, notify=said.append)
    assert len(said) == 2
    for line, (step, scale, count) in zip(said, ((0, 32768, 1), (2, 16384, 2))):
        for part in (f"epoch 3, step {step} ", "float16", f" {scale} ", f"{count} steps"):
            assert part in line


@pytest.mark.parametrize("precision", [Float32, ScaledFloat32])
def test_a_step_does_not_wait_for_the_devices(tiny_data, monkeypatch, precision):
    trainer = small_trainer(devices=2, precision=precision())
    meter = EpochMeter(0, trainer.monitor, Partial(), trainer.precision)
    steps = list(batches(tiny_data))
    trainer.train_step(*steps[0], meter)  # deferred initialization and tracing may wait
    waits = []
    for name in ("asnumpy", "wait_to_read"):
        there = getattr(mx.nd.NDArray, name)
        monkeypatch.setattr(
            mx.nd.NDArray, name, lambda self, there=there: (waits.append(self), there(self))[1]
        )
    monkeypatch.setattr(mx.nd, "waitall", lambda: waits.append(None))
    monkeypatch.setattr(EpochMeter, "LAG", 100)
    for step in steps[1:]:
        trainer.train_step(*step, meter)
        assert meter.latest == []
    assert not waits
    meter.finish()
    assert waits


FACTS = st.lists(st.booleans(), max_size=12)


@given(
    scale=st.sampled_from([1.0, 65536.0, loss_scale.LARGEST_SCALE]),
    unskipped=st.integers(1990, 1999),
    facts=FACTS,
)
def test_the_scale_follows_mxnets_rule(scale, unskipped, facts):
    """Beside mxnet's own LossScaler, which takes a step longer to use what it found."""
    theirs = LossScaler()
    theirs._loss_scale = theirs._next_loss_scale = scale
    theirs._unskipped = unskipped
    ours = ScaleState(scale, unskipped, 0).on(mx.cpu())
    for finite in facts:
        theirs.has_overflow([SimpleNamespace(_grad=[mx.nd.array([0 if finite else np.inf])])])
        ours = ours.after(mx.nd.array([finite]))
    read = ours.read()
    assert (read.loss_scale, read.unskipped) == (theirs._next_loss_scale, theirs._unskipped)
    assert read.skipped == facts.count(False)


def overflow(precision):
    parameter = mx.gluon.Parameter("p", shape=(2,))
    parameter.initialize(mx.init.One())
    optimizer = precision.create_optimizer(learning_rate=1.0)
    trainer = mx.gluon.Trainer([parameter], optimizer, update_on_kvstore=False)
    with mx.autograd.record():
        loss = parameter.data() * np.inf
    loss.backward()
    return precision.update(trainer, 1), parameter.data().asnumpy()


def test_an_overflow_skips_the_step_and_halves_the_scale():
    precision = Float16()
    after, value = overflow(precision)
    assert precision.trouble(after)
    assert (value == 1).all()
    assert precision.state() == {"loss_scale": 32768, "unskipped": 0, "skipped": 1}
    assert (precision.scale(mx.nd.ones(1)) == 32768).asscalar()


def test_endless_overflow_is_a_diverged_run():
    precision = Float16()
    for _ in range(17):
        assert precision.trouble(overflow(precision)[0])
    with pytest.raises(RunError, match="diverged"):
        precision.trouble(overflow(precision)[0])


def test_float16_weights_follow_float32_masters_as_mxnets_own_update():
    """The gated update is `mp_nag_mom_update` where gradients are finite."""
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((3, 4)).astype(np.float16) for _ in range(4)]
    ours, theirs = (mx.nd.array(values[0], dtype="float16") for _ in range(2))
    gated = Float16().create_optimizer(learning_rate=0.1, momentum=0.9, wd=0.01)
    plain = mx.optimizer.NAG(learning_rate=0.1, momentum=0.9, wd=0.01, multi_precision=True)
    gated.gates[mx.cpu()] = (mx.nd.ones(3), mx.nd.array([1024.0]))
    plain.rescale_grad = 1 / 1024
    states = [o.create_state_multi_precision(0, ours) for o in (gated, plain)]
    for value in values[1:]:
        grad = mx.nd.array(value, dtype="float16") * 1024
        gated.update_multi_precision(0, ours, grad, states[0])
        plain.update_multi_precision(0, theirs, grad, states[1])
    np.testing.assert_allclose(states[0][1].asnumpy(), states[1][1].asnumpy(), rtol=1e-6)
    np.testing.assert_array_equal(ours.asnumpy(), states[0][1].asnumpy().astype(np.float16))
    np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy())


@pytest.mark.parametrize("bad", [None, 0, 1, 2])
def test_gradients_of_both_formats_are_checked(bad):
    arrays = [mx.nd.ones(3, dtype="float16"), mx.nd.ones(3), mx.nd.ones(2, dtype="float16")]
    if bad is not None:
        arrays[bad][1] = np.inf
    assert all_finite(arrays).asscalar() == (bad is None)


def test_the_network_is_cast_but_for_batchnorm():
    net = aff.get_model("cifar_resnet8_askc", classes=4, ctx=mx.cpu())
    Float16().cast(net)
    for name, parameter in net._collect_params_with_prefix().items():
        batchnorm = name.rsplit(".", 1)[-1] in ("gamma", "beta", "running_mean", "running_var")
        assert np.dtype(parameter.dtype).name == ("float32" if batchnorm else "float16")


def test_float16_is_refused_on_a_cpu():
    with pytest.raises(aff.InputError, match="dtype float16 .*GPU.*dtype float32"):
        create_precision("float16", [mx.cpu()])
    assert isinstance(create_precision("float16", [mx.gpu(0)]), Float16)
    assert create_precision("float32", [mx.cpu()]).dtype == "float32"
