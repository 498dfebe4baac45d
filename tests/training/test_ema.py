"""The moving average of a network: its closed form, timm's warm-up, evaluation, files, resuming."""

import json

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.parameters import copy_parameters, load_fitting
from aff.models.parts import freeze
from aff.training.amp import Float16, Float32
from aff.training.ema import ModelEma, warmed_up
from aff.training.evaluation import evaluate
from aff.training.run_check import check_run
from aff.training.trainer import Trainer

from .helpers import NETWORK, events, mixed_batches, parameters, small_network, small_run
from .recipes import assert_resumes_exactly

SETTINGS = {"model_ema": 0.9}


def values(net, device=0):
    return {
        name: parameter.list_data()[device].asnumpy()
        for name, parameter in net._collect_params_with_prefix().items()
    }


def averaging_trainer(devices=1, decay=0.9, net=None, **settings):
    net = net or small_network(devices)
    contexts = [mx.cpu(i) for i in range(devices)]
    ema = ModelEma(small_network(devices, seed=5), decay)
    return Trainer(net, contexts, lambda step: 0.1, ema=ema, **settings)


def test_the_decay_is_warmed_up_as_timm_does():
    """`ModelEmaV3.get_decay` with `use_warmup`: step, less one, over a gamma of 1, power 2/3."""
    for step in range(1, 3000):
        count = max(0, step - 1)
        theirs = max(min(1 - (1 + count / 1.0) ** (-2 / 3), 0.99), 0.0) if count > 0 else 0.0
        assert warmed_up(0.99, step) == pytest.approx(theirs, abs=1e-12)
    assert warmed_up(0.9999, 10**9) == 0.9999


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, 2])
def test_it_is_the_closed_form_on_each_device(tiny_data, devices):
    trainer = averaging_trainer(devices)
    expected = [values(trainer.net, device) for device in range(devices)]
    for number, batch in enumerate(mixed_batches(tiny_data).epoch(0), 1):
        trainer.train_step(*batch, trainer.meter)
        decay = warmed_up(0.9, number)
        for device, average in enumerate(expected):
            for name, value in values(trainer.net, device).items():
                average[name] = decay * average[name] + (1 - decay) * value
    for device, average in enumerate(expected):
        found = values(trainer.ema.net, device)
        for name, value in average.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    assert any(
        "running" in name and not np.allclose(value, values(trainer.net)[name])
        for name, value in values(trainer.ema.net).items()
    )


@pytest.mark.numeric
def test_training_is_what_it_is_without_it(tiny_data):
    plain = Trainer(small_network(), [mx.cpu()], lambda step: 0.1)
    averaged = averaging_trainer()
    for trainer in (plain, averaged):
        trainer.train_epoch(mixed_batches(tiny_data).epoch(0), 0)
    for name, value in parameters(plain).items():
        np.testing.assert_array_equal(parameters(averaged)[name], value, err_msg=name)


@pytest.mark.numeric
def test_devices_have_one_average_when_an_epoch_ends(tiny_data):
    trainer = averaging_trainer(2)
    trainer.train_epoch(mixed_batches(tiny_data).epoch(0), 0)
    for name, value in values(trainer.ema.net, 0).items():
        np.testing.assert_array_equal(values(trainer.ema.net, 1)[name], value, err_msg=name)


@pytest.mark.numeric
def test_what_is_frozen_stays_to_the_bit(tiny_data):
    net = small_network()
    freeze(net, ["stem", "stage1"])
    still = {n for n, p in net._collect_params_with_prefix().items() if p.lr_mult == 0}
    trainer = averaging_trainer(net=net)
    before = values(trainer.net)
    trainer.train_epoch(mixed_batches(tiny_data).epoch(0), 0)
    assert still
    for name in still:
        np.testing.assert_array_equal(values(trainer.ema.net)[name], before[name], err_msg=name)


def test_float16_networks_average_their_float32_masters():
    net = aff.get_model(NETWORK, classes=4, ctx=mx.cpu())
    precision = Float16()
    precision.cast(net)
    trainer = Trainer(net, [mx.cpu()], lambda step: 0.1, precision=precision)
    trainer.create_states()
    masters = precision.masters(trainer.optimizer, 0)
    halves = [p for p in trainer.optimizer._params if np.dtype(p.dtype) == np.float16]
    assert set(masters) == {id(parameter) for parameter in halves} and halves
    for master in masters.values():
        master[:] = master + 1e-5
    ema = ModelEma(small_network(seed=5), 0.9)
    ema.start(net)
    ema.update(net, trainer.optimizer, precision, 1)
    names = {id(p): name for name, p in net._collect_params_with_prefix().items()}
    for key, master in masters.items():
        found = ema.net._collect_params_with_prefix()[names[key]].data()
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.asnumpy(), master.asnumpy(), rtol=1e-6, atol=1e-7)
    copy_parameters(ema.net, net)  # as an evaluation does
    assert np.dtype(halves[0].data().dtype) == np.float16


@pytest.mark.numeric
def test_a_run_evaluates_and_keeps_both(tiny_data, tmp_path):
    state = small_run(tiny_data, tmp_path, 3, **SETTINGS).fit()
    best = min(range(3), key=lambda n: (state.history[n].ema_top1_error["test"], -n))
    assert state.best_ema_epoch == best
    net = small_network(seed=7)
    load_fitting(net, str(tmp_path / "best-ema.params"))
    run = small_run(tiny_data, tmp_path, 3, **SETTINGS)
    found = evaluate(net, run.data.evals["test"], [mx.cpu()])
    assert found.top1_error == state.history[best].ema_top1_error["test"]
    assert (tmp_path / "best.params").read_bytes() != (tmp_path / "best-ema.params").read_bytes()
    said = (tmp_path / "logs" / "train.log").read_text()
    assert "decay 0.9" in said and "best-ema.params" in said
    assert "the average's best epoch" in said and "average's test error" in said
    end = events(tmp_path)[-1]
    assert end["best_ema_epoch"] == best
    assert end["test_ema_top1_error"] == state.history[best].ema_top1_error["test"]
    assert not check_run(str(tmp_path)).damaged
    (tmp_path / "best-ema.params").unlink()  # a link to a checkpoint's
    (tmp_path / "best-ema.params").write_bytes((tmp_path / "epoch-0002.params").read_bytes())
    assert [part.name for part in check_run(str(tmp_path)).damaged] == [
        str(tmp_path / "best-ema.params")
    ]


def test_a_run_without_it_says_and_keeps_nothing_of_it(earlier):
    assert not list(earlier.rglob("*ema*"))
    assert not any("ema" in key for event in events(earlier) for key in event)
    state = json.loads((earlier / "checkpoint-0002" / "state.json").read_text())
    assert state["best_ema_epoch"] is None


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_resumes_exactly(tiny_data, tmp_path, devices):
    whole, parts = assert_resumes_exactly(tiny_data, tmp_path, 10, devices, **SETTINGS)
    for name in ("best-ema.params", "checkpoint-0003/ema.params"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


@pytest.mark.numeric
def test_one_that_is_switched_on_later_begins_there(tiny_data, tmp_path):
    small_run(tiny_data, tmp_path, 2).fit()
    run = small_run(tiny_data, tmp_path, 3, resume_changed=True, **SETTINGS)
    state = run.fit()
    assert [bool(record.ema_top1_error) for record in state.history] == [False, False, True]
    assert state.best_ema_epoch == 2
    assert isinstance(run.trainer.precision, Float32)
