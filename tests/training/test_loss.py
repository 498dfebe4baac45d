"""Distillation against its closed form."""

import aff  # noqa: F401, isort: skip

import mxnet as mx
import numpy as np
import pytest

from aff.training.loss import CrossEntropy, Distillation


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    "temperature, hard_weight", [(1, 0.5), (20, 0.5), (4, 0), (4, 1), (2, 0.9)]
)
def test_distillation_is_its_formula(temperature, hard_weight):
    rng = np.random.default_rng(0)
    z, t, data = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=(5, 4))
    y = rng.dirichlet([1, 1, 1], 5)
    teacher = mx.gluon.nn.Dense(3, in_units=4, use_bias=False)
    teacher.initialize()
    teacher.weight.set_data(mx.nd.array(t.T))
    logits = mx.nd.array(z)
    logits.attach_grad()
    minimised = Distillation(teacher, temperature, hard_weight)
    with mx.autograd.record():
        loss = minimised(logits, mx.nd.array(y), mx.nd.array(data))
    loss.backward()
    q = np.exp(log_softmax(data @ t / temperature))
    hard = -(y * log_softmax(z)).sum(axis=1)
    soft = -(q * log_softmax(z / temperature)).sum(axis=1)
    expected = hard_weight * hard + (1 - hard_weight) * temperature**2 * soft
    np.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-4)
    gradient = hard_weight * (np.exp(log_softmax(z)) - y)
    gradient += (1 - hard_weight) * temperature * (np.exp(log_softmax(z / temperature)) - q)
    np.testing.assert_allclose(logits.grad.asnumpy(), gradient, rtol=1e-3, atol=1e-5)
    assert not teacher.weight.grad().asnumpy().any()


def test_cross_entropy_is_its_formula():
    z, y = np.array([[1.0, 2.0]]), np.array([[0.3, 0.7]])
    loss = CrossEntropy()(mx.nd.array(z), mx.nd.array(y), None).asscalar()
    assert loss == pytest.approx(-(y * log_softmax(z)).sum(), rel=1e-5)
