"""Clipping by the global norm: PyTorch's, on several devices, under a loss scale, in the log."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aff.training.grad_clip import GradientClipper, global_norm
from aff.training.meters import Partial
from aff.utils.errors import RunError

from .helpers import events, mixed_batches, parameters, small_run, small_trainer
from .recipes import assert_resumes_exactly
from .test_amp import ScaledFloat32

SHAPES = ((3, 4), (5,), (2, 1, 3))


def arrays(seed, dtype="float32"):
    rng = np.random.default_rng(seed)
    return [mx.nd.array(rng.normal(0, 1, shape), dtype=dtype) for shape in SHAPES]


@given(seed=st.integers(0, 99), longest=st.floats(0.01, 20), scale=st.sampled_from([1, 64, 65536]))
def test_the_factor_is_the_formula(seed, longest, scale):
    grads = arrays(seed)
    norm = np.sqrt(sum((grad.asnumpy().astype(np.float64) ** 2).sum() for grad in grads))
    clipper = GradientClipper(longest)
    found = clipper.factor([grad * scale for grad in grads], scale, 0).asscalar()
    assert found == pytest.approx(min(1, longest / (norm + 1e-6)), rel=1e-5)
    assert clipper.norm.asscalar() == pytest.approx(norm, rel=1e-5)


def test_it_is_what_pytorch_does():
    torch = pytest.importorskip("torch")
    for longest in (0.5, 100.0):
        ours = arrays(1)
        theirs = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
        for parameter, grad in zip(theirs, ours):
            parameter.grad = torch.from_numpy(grad.asnumpy().copy())
        torch.nn.utils.clip_grad_norm_(theirs, longest)
        factor = GradientClipper(longest).factor(ours, 1, 0)
        for parameter, grad in zip(theirs, ours):
            np.testing.assert_allclose(
                (grad * factor.asscalar()).asnumpy(), parameter.grad.numpy(), rtol=1e-5
            )


def test_the_squares_of_float16_do_not_overflow():
    grads = [mx.nd.full(4, 30000, dtype="float16"), mx.nd.ones(3)]
    assert global_norm(grads).asscalar() == pytest.approx(60000, rel=1e-4)


def test_what_is_not_finite_is_left_to_those_who_look_for_it(tiny_data):
    assert GradientClipper(1.0).factor([mx.nd.array([np.inf, 1])], 1, 0).asscalar() == 1
    batches = list(mixed_batches(tiny_data).epoch(0))
    batches[2][0][:] = np.nan
    with pytest.raises(RunError, match="gradient .* not finite at epoch 7, step 2, .*features"):
        small_trainer(clipper=GradientClipper(0.5)).train_epoch(batches, 7)


def step(data, **settings):
    """How far one step moves the parameters, and the trainer's figures."""
    plain = {"wd": 0.0, "settings": {"momentum": 0.0}}
    trainer = small_trainer(schedule=lambda step: 1.0, **plain, **settings)
    before = parameters(trainer)
    trainer.train_epoch([next(iter(mixed_batches(data).epoch(0)))], 0)
    after = parameters(trainer)
    moved = {n: after[n] - v for n, v in before.items() if "running" not in n}
    return moved, trainer.done


@pytest.mark.numeric
@pytest.mark.parametrize("precision", [None, ScaledFloat32])
@pytest.mark.parametrize("devices, accumulate", [(1, 1), (2, 1), (1, 2)])
def test_a_step_is_as_long_as_it_may_be(tiny_data, precision, devices, accumulate):
    def taken(longest):
        return step(
            tiny_data,
            devices=devices,
            accumulate=accumulate,
            precision=precision and precision(),
            clipper=GradientClipper(longest),
        )

    free, whole = taken(1e6)
    length = np.sqrt(sum((move.astype(np.float64) ** 2).sum() for move in free.values()))
    assert whole.norms() == {"grad_norm": pytest.approx(length, rel=1e-3), "clipped": 0}
    short, clipped = taken(0.25 * length)
    assert clipped.norms() == {"grad_norm": pytest.approx(length, rel=1e-3), "clipped": 1}
    for name, move in free.items():
        np.testing.assert_allclose(short[name], 0.25 * move, rtol=1e-3, atol=2e-6, err_msg=name)


def test_a_run_tells_of_it(tiny_data, tmp_path):
    state = small_run(tiny_data, tmp_path, 2, clip_grad=0.5).fit()
    told = [event for event in events(tmp_path) if event["event"] == "epoch"]
    assert [event["grad_norm"] for event in told] == [r.grad_norm for r in state.history]
    assert all(0 <= event["clipped"] <= 1 and event["grad_norm"] > 0 for event in told)
    said = (tmp_path / "logs" / "train.log").read_text()
    assert "% clipped" in said and "longer than 0.5" in said


def test_a_run_without_it_tells_nothing(earlier):
    assert not any({"grad_norm", "clipped"} & set(event) for event in events(earlier))
    assert Partial().norms() == {"grad_norm": None, "clipped": None}


@pytest.mark.numeric
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_resumes_exactly(tiny_data, tmp_path, devices):
    whole, parts = assert_resumes_exactly(tiny_data, tmp_path, devices=devices, clip_grad=0.5)
    norms = [
        [event["grad_norm"] for event in events(run) if event["event"] == "epoch"]
        for run in (whole, parts)
    ]
    assert norms[0] == norms[1]
