"""float16's loss scaling, exercised with float32 arithmetic, which is what a CPU has."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.data import TrainLoader
from aff.training import amp
from aff.training.amp import Float16, Float32, all_finite, create_precision
from aff.utils.errors import RunError

from .helpers import parameters, small_trainer


class ScaledFloat32(Float16):
    """The scaling of Float16 over float32 arithmetic."""

    dtype = "float32"
    optimizer_params = {}


def trained(tiny_data, precision):
    trainer = small_trainer(precision=precision)
    trainer.train_epoch(TrainLoader(tiny_data, 6, 0).epoch(0), 0)
    return trainer


@pytest.mark.numeric
def test_scaling_does_not_change_what_is_learned(tiny_data):
    plain, scaled = trained(tiny_data, Float32()), trained(tiny_data, ScaledFloat32())
    for name, value in parameters(plain).items():
        np.testing.assert_allclose(parameters(scaled)[name], value, rtol=1e-4, atol=1e-6)
    assert scaled.precision.state() == {"loss_scale": 65536, "unskipped": 4, "skipped": 0}


def test_a_step_left_out_is_said(tiny_data, monkeypatch):
    trainer, said = small_trainer(precision=ScaledFloat32()), []
    finite = iter([0, 1, 0, 1])
    monkeypatch.setattr(amp, "all_finite", lambda _: mx.nd.array([next(finite)]))
    trainer.train_epoch(TrainLoader(tiny_data, 6, 0).epoch(0), 3, notify=said.append)
    assert len(said) == 2
    for line, (step, scale, count) in zip(said, ((0, 32768, 1), (2, 16384, 2))):
        for part in (f"epoch 3, step {step} ", "float16", f" {scale} ", f"{count} steps"):
            assert part in line


def overflow(precision):
    parameter = mx.gluon.Parameter("p", shape=(2,))
    parameter.initialize(mx.init.One())
    trainer = mx.gluon.Trainer([parameter], "nag", {"learning_rate": 1.0}, update_on_kvstore=False)
    with mx.autograd.record():
        loss = parameter.data() * np.inf
    loss.backward()
    return precision.update(trainer, 1), parameter.data().asnumpy()


def test_an_overflow_skips_the_step_and_halves_the_scale():
    precision = Float16()
    applied, value = overflow(precision)
    assert not applied
    assert (value == 1).all()
    assert precision.state() == {"loss_scale": 32768, "unskipped": 0, "skipped": 1}
    assert (precision.scale(mx.nd.ones(1)) == 32768).asscalar()


def test_endless_overflow_is_a_diverged_run():
    precision = Float16()
    for _ in range(17):
        overflow(precision)
    with pytest.raises(RunError, match="diverged"):
        overflow(precision)


def test_the_scale_grows_after_2000_good_steps():
    precision = Float16()
    precision.restore({"loss_scale": 8.0, "unskipped": 1999, "skipped": 3})
    parameter = mx.gluon.Parameter("p", shape=(2,))
    parameter.initialize(mx.init.One())
    trainer = mx.gluon.Trainer(
        [parameter], "nag", {"learning_rate": 1.0, "momentum": 0.0}, update_on_kvstore=False
    )
    with mx.autograd.record():
        loss = precision.scale(parameter.data())
    loss.backward()
    assert precision.update(trainer, 1)
    np.testing.assert_allclose(parameter.data().asnumpy(), 0, atol=1e-6)
    assert precision.state() == {"loss_scale": 16.0, "unskipped": 0, "skipped": 3}


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
