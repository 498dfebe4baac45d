"""Every fusion against its formula, forward and backward."""

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import HybridBlock

import aff
from aff.nn.layers import sequential
from aff.nn.reference import REFERENCE, ReferenceFusion, formula_of, make_literal

from . import test_fusion as numpy_formulas

SHAPE = (6, 32, 5, 7)

#: Largest difference, as a part of an array's largest value and, for gradients, of the largest
#: gradient too: a bias in front of a BatchNorm has none in training but what rounding leaves. The
#: forms sum in another order, and a BatchNorm of six pooled values in training amplifies that: of
#: six seeds, float32 differs by up to 1.7e-6 in training and 3e-7 in inference, float64 by 5e-15.
#: In float64 nothing but the same formula passes.
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def randomized(name, dtype="float32"):
    """Create a fusion whose parameters and running statistics are none of a new one."""
    rng = np.random.default_rng(0)
    block = aff.create_fusion(name, SHAPE[1], r=2)
    block.initialize()
    block.cast(dtype)
    for key, parameter in block._collect_params_with_prefix().items():
        if key.endswith("weight"):
            value = rng.normal(0, 1.5 / np.sqrt(parameter.shape[1]), parameter.shape)
        else:
            value = rng.uniform(-0.5, 0.5, parameter.shape) + key.endswith(("gamma", "var"))
        parameter.set_data(mx.nd.array(value, dtype=dtype))
    return block


def forms(name, dtype):
    """Yield the forms of one fusion, over the same parameters; the others are held to the first.

    Compiled forms come last, because they compile the branches that all share.
    """
    fast = randomized(name, dtype)
    yield "reference", ReferenceFusion(fast)
    yield "fast", fast
    fast.hybridize(static_alloc=True)
    yield "fast, hybridized", fast
    reference = ReferenceFusion(fast)
    reference.hybridize(static_alloc=True)
    yield "reference, hybridized", reference


def step(block, dtype, train):
    """Make one step: the output, the gradients and the running statistics after it, by name. It
    does not depend on earlier steps.
    """
    rng = np.random.default_rng(1)
    x, residual, direction = (mx.nd.array(rng.normal(size=SHAPE), dtype=dtype) for _ in range(3))
    for z in (x, residual):
        z.attach_grad()
    parameters = block._collect_params_with_prefix()
    statistics = {key for key, parameter in parameters.items() if parameter.grad_req == "null"}
    for key, parameter in parameters.items():
        if key in statistics:
            value = rng.uniform(0.5, 1.5, parameter.shape)
            parameter.set_data(mx.nd.array(value, dtype=dtype))
        else:
            parameter.zero_grad()
    with mx.autograd.record(train_mode=train):
        output = block(x, residual)
        loss = (output * direction).sum()
    loss.backward(train_mode=train)
    found = {"output": output, "gradient of x": x.grad, "gradient of residual": residual.grad}
    for key, parameter in parameters.items():
        if key in statistics:
            found[key] = parameter.data()
        else:
            found[f"gradient of {key}"] = parameter.grad()
    return {key: value.asnumpy() for key, value in found.items()}


def assert_same(found, expected, tolerance, label):
    assert found.keys() == expected.keys()
    gradients = [np.abs(value).max() for key, value in expected.items() if "gradient" in key]
    for key, value in expected.items():
        scale = np.abs(value).max() + (max(gradients) if "gradient" in key else 0)
        np.testing.assert_allclose(
            found[key], value, rtol=0, atol=tolerance * scale, err_msg=f"{label}: {key}"
        )


def test_every_registered_fusion_has_a_reference():
    without = set(aff.list_fusions()) - set(REFERENCE)
    assert not without, f"aff/nn/reference.py: REFERENCE lacks the formula of {sorted(without)}"
    unknown = set(REFERENCE) - set(aff.list_fusions())
    assert not unknown, f"aff/nn/reference.py: no fusion is registered as {sorted(unknown)}"


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("train", [True, False], ids=["training", "inference"])
def test_every_form_computes_the_formula(name, dtype, train):
    (_, expected), *others = [(label, step(b, dtype, train)) for label, b in forms(name, dtype)]
    for label, found in others:
        assert_same(found, expected, TOLERANCE[dtype], label)


@pytest.mark.parametrize("name", REFERENCE)
def test_the_formulas_in_numpy(name):
    """In float64 and inference; the NumPy formulas are those that the fast forms are held to."""
    block = numpy_formulas.randomized(name)
    block.cast("float64")
    x, residual = (mx.nd.random.normal(shape=numpy_formulas.SHAPE).astype("float64") for _ in "xy")
    expected = numpy_formulas.expected(block, name, x.asnumpy(), residual.asnumpy())
    found = ReferenceFusion(block)(x, residual).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


class Joined(HybridBlock):
    """A block as networks have them: its fusion is its `attention`."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def hybrid_forward(self, F, x):
        return self.attention(F.relu(x), x)


@pytest.mark.parametrize("name", REFERENCE)
def test_networks_keep_their_function_and_their_names(name):
    net = sequential(sequential(Joined(randomized(name))), Joined(randomized("DirectAdd")))
    x = mx.nd.random.normal(shape=SHAPE)
    expected, parameters = net(x).asnumpy(), net._collect_params_with_prefix()
    assert make_literal(net) == 2
    assert isinstance(net[0][0].attention, ReferenceFusion)
    assert net._collect_params_with_prefix() == parameters
    np.testing.assert_allclose(net(x).asnumpy(), expected, rtol=0, atol=1e-5 * abs(expected).max())


def test_a_compiled_network_is_compiled_anew(monkeypatch):
    net = sequential(Joined(randomized("AFF")))
    net.hybridize()
    x = mx.nd.random.normal(shape=SHAPE)
    before = net(x).asnumpy()
    formula = REFERENCE["ASKCFuse"]
    monkeypatch.setitem(REFERENCE, "ASKCFuse", lambda *inputs: 3 * formula(*inputs))
    make_literal(net)
    np.testing.assert_allclose(net(x).asnumpy(), 3 * before, rtol=0, atol=1e-4 * before.max())


def test_a_block_without_a_formula():
    class Unknown(HybridBlock):
        pass

    assert formula_of(Unknown()) is None
    with pytest.raises(aff.InputError, match="Unknown"):
        ReferenceFusion(Unknown())
    net = sequential(Joined(Unknown()))
    assert make_literal(net) == 0
    assert isinstance(net[0].attention, Unknown)
