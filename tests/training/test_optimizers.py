"""Optimizers: PyTorch's and the papers' formulas, gates, and runs that resume exactly."""

import mxnet as mx
import numpy as np
import pytest

from aff.training.checkpoint import load_checkpoint, save_checkpoint
from aff.training.config import TrainConfig
from aff.training.optimizer_states import updates
from aff.training.optimizers import COUNTING, OPTIMIZERS, WITH_MOMENTUM
from aff.training.recipe_lines import recipe_lines

from .helpers import mixed_batches, parameters, small_trainer
from .recipes import assert_resumes_exactly
from .test_amp import ScaledFloat32

LR, WD, STEPS = 0.05, 0.1, 6
ADAM = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}


def gradients(shape=(4, 3)):
    rng = np.random.default_rng(0)
    return [rng.normal(0, 1, shape).astype(np.float32) for _ in range(STEPS)]


def start():
    return np.random.default_rng(1).normal(0, 1, (4, 3)).astype(np.float32)


def learned(kind, gated=False, scale=1.0, dtype="float32", wd=WD, **settings):
    """A weight after steps on given gradients."""
    optimizer = OPTIMIZERS[kind][gated](learning_rate=LR, wd=wd, **settings)
    weight = mx.nd.array(start(), dtype=dtype)
    state = optimizer.create_state_multi_precision(0, weight)
    for gradient in gradients():
        if gated:
            optimizer.gates[mx.cpu()] = (mx.nd.ones(4), mx.nd.array([scale]))
        grad = mx.nd.array(gradient, dtype=dtype) * scale
        optimizer.update_multi_precision(0, weight, grad, state)
    return weight.asnumpy()


@pytest.mark.parametrize("kind, wd", [("nag", 0.0), ("sgd", WD), ("adamw", WD)])
def test_it_is_pytorchs(kind, wd):
    """mxnet's `nag`, the published one, is so without weight decay."""
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.from_numpy(start()))
    if kind == "adamw":
        theirs = torch.optim.AdamW([weight], LR, (0.8, 0.95), 1e-3, weight_decay=wd)
        settings = ADAM
    else:
        nesterov = kind == "nag"
        theirs = torch.optim.SGD([weight], LR, 0.9, weight_decay=wd, nesterov=nesterov)
        settings = {"momentum": 0.9}
    for gradient in gradients():
        weight.grad = torch.from_numpy(gradient)
        theirs.step()
    np.testing.assert_allclose(
        learned(kind, wd=wd, **settings), weight.detach().numpy(), rtol=1e-4, atol=1e-5
    )


def adam_direction(mean, square, gradient, count):
    mean = 0.8 * mean + 0.2 * gradient
    square = 0.95 * square + 0.05 * gradient**2
    corrected = mean / (1 - 0.8**count), square / (1 - 0.95**count)
    return mean, square, corrected[0] / (np.sqrt(corrected[1]) + 1e-3)


@pytest.mark.parametrize("kind", COUNTING)
def test_it_is_the_papers(kind):
    """AdamW's algorithm 2, and LAMB's algorithm 2, whose step has the length of the weight."""
    weight = start().astype(np.float64)
    mean = square = np.zeros_like(weight)
    for count, gradient in enumerate(gradients(), 1):
        mean, square, direction = adam_direction(mean, square, gradient.astype(np.float64), count)
        direction = direction + WD * weight
        trust = np.linalg.norm(weight) / np.linalg.norm(direction) if kind == "lamb" else 1
        weight = weight - LR * trust * direction
    np.testing.assert_allclose(learned(kind, **ADAM), weight, rtol=1e-4, atol=1e-5)


def test_adagrad_is_the_papers():
    """Duchi et al.'s, with mxnet's weight decay beside the scaled gradient."""
    weight, history = start().astype(np.float64), 0
    for gradient in gradients():
        history = history + gradient.astype(np.float64) ** 2
        weight = weight - LR * (gradient / np.sqrt(history + 1e-3) + WD * weight)
    np.testing.assert_allclose(learned("adagrad", eps=1e-3), weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS))
def test_the_gated_one_does_the_same_under_a_scale(kind):
    settings = ADAM if kind in COUNTING else {"momentum": 0.9} if kind in WITH_MOMENTUM else {}
    plain = learned(kind, **settings)
    np.testing.assert_allclose(learned(kind, True, 64.0, **settings), plain, rtol=1e-5, atol=1e-6)
    half = learned(kind, True, 64.0, "float16", **settings)
    np.testing.assert_allclose(half.astype(np.float32), plain, atol=5e-3)


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS))
def test_a_closed_gate_changes_nothing(kind):
    optimizer = OPTIMIZERS[kind][1](learning_rate=LR)
    weight = mx.nd.array(start(), dtype="float16")
    state = optimizer.create_state_multi_precision(0, weight)
    optimizer.gates[mx.cpu()] = (mx.nd.zeros(4), mx.nd.ones(1))
    before = weight.asnumpy()
    optimizer.update_multi_precision(0, weight, mx.nd.full((4, 3), np.inf, dtype="float16"), state)
    np.testing.assert_array_equal(weight.asnumpy(), before)
    inner, master = state
    np.testing.assert_array_equal(master.asnumpy(), before.astype(np.float32))
    for array in inner if isinstance(inner, tuple) else [inner] if inner is not None else []:
        assert not array.asnumpy().any()


@pytest.mark.numeric
@pytest.mark.parametrize("kind", COUNTING)
@pytest.mark.parametrize("precision", [None, ScaledFloat32])
def test_updates_are_counted_on_after_a_checkpoint(tiny_data, tmp_path, kind, precision):
    def trainer():
        return small_trainer(
            devices=2,
            schedule=lambda step: 0.01,
            optimizer=kind,
            settings=ADAM,
            precision=precision and precision(),
        )

    whole, first, second = trainer(), trainer(), trainer()
    for one in (whole, first):
        one.train_epoch(mixed_batches(tiny_data).epoch(0), 0)
    path = save_checkpoint(str(tmp_path), first, 1, {})
    load_checkpoint(path, second)
    assert updates(second) == 4
    for one in (whole, second):
        one.train_epoch(mixed_batches(tiny_data).epoch(1), 1)
    assert updates(second) == updates(whole) == 8
    for name, value in parameters(whole).items():
        np.testing.assert_array_equal(parameters(second)[name], value, err_msg=name)


@pytest.mark.numeric
@pytest.mark.parametrize(
    "kind",
    ["adamw", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("sgd", "lamb", "adagrad"))],
)
def test_a_run_resumes_exactly(tiny_data, tmp_path, kind):
    assert_resumes_exactly(tiny_data, tmp_path, optimizer=kind, lr=0.005, clip_grad=1.0)


def test_what_it_takes_is_said():
    lamb = TrainConfig(optimizer="lamb", beta2=0.99, mixup=False)
    assert lamb.optimizer_settings == {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6}
    assert "lamb, beta1 0.9, beta2 0.99, epsilon 1e-06" in " ".join(recipe_lines(lamb))
    assert TrainConfig().optimizer_settings == {"momentum": 0.9}
    assert TrainConfig(optimizer="adamw", epsilon=0.1).optimizer_settings["epsilon"] == 0.1
    assert lamb.unused(["momentum"]) and TrainConfig().unused(["beta1"])
    assert not TrainConfig(optimizer="sgd").unused(["momentum"])
    adagrad = TrainConfig(optimizer="adagrad", epsilon=0.5)
    assert adagrad.optimizer_settings == {"eps": 0.5}
    assert adagrad.unused(["momentum"]) and not adagrad.unused(["epsilon"])
