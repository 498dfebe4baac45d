"""The trainer: it learns, its figures are per sample, devices and modes agree, bad losses stop
it.
"""

import mxnet as mx
import numpy as np
import pytest

from aff.data import EvalLoader, TrainLoader
from aff.training.evaluation import evaluate
from aff.training.task import Task, squared_error, wrong_count
from aff.utils.errors import RunError

from .helpers import mixed_batches, parameters, small_trainer


@pytest.mark.numeric
def test_it_learns_what_is_easy(tiny_data):
    trainer = small_trainer(steps=(15, 4))
    batches = TrainLoader(tiny_data, 6, 0)
    first = trainer.train_epoch(batches.epoch(0), 0)
    for epoch in range(1, 15):
        last = trainer.train_epoch(batches.epoch(epoch), epoch)
    assert trainer.task.metric == "top1_error"
    assert last.loss < first.loss / 2
    assert (
        evaluate(trainer.net, EvalLoader(tiny_data, tiny_data.test, 5), trainer.devices).top1_error
        <= 0.2
    )
    assert last.lr == pytest.approx(0, abs=1e-9)


def test_loss_and_metric_are_per_sample(tiny_data):
    trainer = small_trainer(lr=1e-12, hybrid=False, frozen_bn=True)
    batches = list(TrainLoader(tiny_data, 6, 0).epoch(0))
    stats = trainer.train_epoch(iter(batches), 0)
    data, targets = (np.concatenate(parts) for parts in zip(*batches))
    logits = trainer.net(mx.nd.array(data)).asnumpy().astype(np.float64)
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert stats.loss == pytest.approx(-(targets * log_softmax).sum(axis=1).mean(), rel=1e-4)
    assert stats.metric == pytest.approx((logits.argmax(1) != targets.argmax(1)).mean())


def test_metrics_on_soft_targets():
    logits, targets = (
        mx.nd.array([[2, 0], [0, 3], [1, 0]]),
        mx.nd.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]),
    )
    softmax = np.exp(logits.asnumpy()) / np.exp(logits.asnumpy()).sum(axis=1, keepdims=True)
    assert squared_error(logits, targets).asscalar() == pytest.approx(
        ((softmax - targets.asnumpy()) ** 2).mean(axis=1).sum(), rel=1e-5
    )
    assert wrong_count(logits, targets).asscalar() == 2


def test_rmse_where_targets_are_soft(tiny_data):
    trainer = small_trainer(task=Task(soft_targets=True))
    stats = trainer.train_epoch(mixed_batches(tiny_data).epoch(0), 0)
    assert trainer.task.metric == "rmse"
    assert 0 < stats.metric < 1


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_devices_together_do_what_one_does(tiny_data, devices):
    """Of the same batches: both are given those that were mixed for one device."""
    one, many = small_trainer(1, frozen_bn=True), small_trainer(devices, frozen_bn=True)
    for trainer in (one, many):
        for epoch in range(2):
            stats = trainer.train_epoch(mixed_batches(tiny_data).epoch(epoch), epoch)
    other = one.train_epoch(mixed_batches(tiny_data).epoch(2), 2)
    assert many.train_epoch(mixed_batches(tiny_data).epoch(2), 2).loss == pytest.approx(
        other.loss, rel=1e-4
    )
    assert stats.images_per_sec > 0
    for name, value in parameters(one).items():
        np.testing.assert_allclose(
            parameters(many)[name], value, rtol=1e-3, atol=1e-5, err_msg=name
        )


@pytest.mark.numeric
def test_imperative_and_hybrid_agree(tiny_data):
    trainers = [small_trainer(hybrid=hybrid) for hybrid in (False, True)]
    batches = mixed_batches(tiny_data)
    losses = [
        [trainer.train_epoch(batches.epoch(epoch), epoch).loss for epoch in range(2)]
        for trainer in trainers
    ]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-4)
    assert losses[0][1] == pytest.approx(losses[1][1], rel=1e-2)


@pytest.mark.numeric
def test_two_runs_with_one_seed_agree_bit_for_bit(tiny_data):
    runs = []
    for workers in (0, 4):
        trainer = small_trainer()
        stats = [
            trainer.train_epoch(mixed_batches(tiny_data, workers).epoch(epoch), epoch)
            for epoch in range(2)
        ]
        runs.append(([(s.loss, s.metric) for s in stats], parameters(trainer)))
    assert runs[0][0] == runs[1][0]
    for name, value in runs[0][1].items():
        np.testing.assert_array_equal(value, runs[1][1][name])


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, 2])
def test_running_statistics_are_up_to_date_when_an_epoch_ends(tiny_data, devices):
    trainer = small_trainer(devices)
    for epoch in range(10):
        trainer.train_epoch(TrainLoader(tiny_data, 6, 0).epoch(epoch), epoch)
        early = {
            name: [array.copy() for array in parameter.list_data()]
            for name, parameter in trainer.net._collect_params_with_prefix().items()
        }
        mx.nd.waitall()
        for name, parameter in trainer.net._collect_params_with_prefix().items():
            for read, value in zip(early[name], parameter.list_data()):
                np.testing.assert_array_equal(read.asnumpy(), value.asnumpy(), err_msg=name)
                np.testing.assert_array_equal(
                    value.asnumpy(), parameter.list_data()[0].asnumpy(), err_msg=name
                )


def test_the_schedule_is_followed_step_by_step(tiny_data):
    rates = []

    class Spy:
        def __init__(self, trainer):
            self.original = trainer.precision.update
            trainer.precision.update = self

        def __call__(self, optimizer, *given):
            rates.append(optimizer.learning_rate)
            return self.original(optimizer, *given)

    trainer = small_trainer(schedule=lambda step: 0.1 / (1 + step))
    Spy(trainer)
    for epoch in range(2):
        trainer.train_epoch(TrainLoader(tiny_data, 6, 0).epoch(epoch), epoch)
    np.testing.assert_allclose(rates, [0.1 / (1 + step) for step in range(8)])
    assert trainer.step == 8


def test_weight_decay_multipliers_act(tiny_data):
    with_wd, without = small_trainer(wd=0.5), small_trainer(wd=0.5)
    for parameter in without.net.collect_params(".*beta|.*gamma|.*bias").values():
        parameter.wd_mult = 0.0
    initial = parameters(without)
    for trainer in (with_wd, without):
        trainer.train_epoch(TrainLoader(tiny_data, 24, 0).epoch(0), 0)
    one, other = parameters(with_wd), parameters(without)
    learned = {
        name
        for name in initial
        if not np.array_equal(initial[name], other[name]) and "running" not in name
    }
    assert {name for name in learned if np.array_equal(one[name], other[name])} == {
        name for name in learned if not name.endswith("gamma")
    }


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("step", [0, 2, 3])
def test_what_is_not_finite_stops_the_run(tiny_data, step, devices):
    batches = list(TrainLoader(tiny_data, 6, 0).epoch(0))
    batches[step][0][:] = (
        np.nan
    )  # oneDNN's relu turns this into zeros: the loss stays finite, the gradient does not
    with pytest.raises(
        RunError, match=f"gradient .* not finite at epoch 7, step {step}, learning rate .*features"
    ):
        small_trainer(devices).train_epoch(iter(batches), 7)


def test_a_loss_that_is_not_finite_stops_the_run(tiny_data):
    batches = list(TrainLoader(tiny_data, 6, 0).epoch(0))
    batches[1][1][:] = np.inf
    with pytest.raises(RunError, match="the loss is not finite at epoch 7, step 1, learning rate"):
        small_trainer().train_epoch(iter(batches), 7)


def test_an_epoch_without_batches_is_an_error():
    with pytest.raises(RunError, match="no batches"):
        small_trainer().train_epoch(iter([]), 0)


def test_the_meter_shows_the_step_that_was_read_last(tiny_data):
    """Two steps behind, and what it shows is that step's mean loss; the figures of the epoch are
    those of one that nobody looks at.
    """
    batches = list(TrainLoader(tiny_data, 6, 0).epoch(0))

    def trained(look):
        trainer, seen = small_trainer(), []

        def progress(given):
            for batch in given:
                yield batch
                seen.append(trainer.meter.latest)

        return trainer.train_epoch(batches, 0, progress if look else iter), seen, trainer

    (plain, _, unseen), (stats, seen, trainer) = trained(False), trained(True)
    assert seen[:2] == [[], []] and len({*map(tuple, seen[2:])}) == len(batches) - 2
    assert stats.loss == plain.loss and stats.metric == plain.metric
    for name, value in parameters(unseen).items():
        np.testing.assert_array_equal(value, parameters(trainer)[name])
    first = small_trainer()
    assert seen[2] == [f"loss {first.train_epoch(batches[:1], 0).loss:.4f}", "lr 0.1"]
