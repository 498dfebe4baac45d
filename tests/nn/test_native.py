"""The native operator computes what the formulas say, in float64, and what the Gluon form does."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mxnet import autograd

import aff
from aff.nn.native import operator
from aff.nn.reference import ReferenceFusion

from ..conftest import run_python

pytestmark = pytest.mark.skipif(bool(operator.why_not()), reason=operator.why_not() or "-")
FUSIONS = ("AFF", "iAFF")


def fusion_of(name, channels, r, seed=0, **kwargs):
    """A fusion whose parameters are all of some size."""
    fusion = aff.create_fusion(name, channels, r, **kwargs)
    fusion.initialize()
    rng = np.random.default_rng(seed)
    for key, parameter in fusion.collect_params().items():
        values = rng.normal(size=parameter.shape) * 0.5
        if key.endswith(("gamma", "running_var")):
            values = 1 + 0.3 * np.abs(values)
        parameter.set_data(mx.nd.array(values))
    return fusion


def uses_operator(block):
    return "_aff_select" in block._cached_graph[1].tojson()


def literal(fusion, name, channels, r):
    """The same fusion by its formula, in float64."""
    double = aff.create_fusion(name, channels, r)
    double.initialize()
    double.cast("float64")
    pairs = zip(double.collect_params().values(), fusion.collect_params().values())
    for parameter, own in pairs:
        parameter.set_data(own.data().astype("float64"))
    return ReferenceFusion(double)


def computed(block, x, residual, training=True, hybrid=False, dtype="float32", cotangent=None):
    """Output, gradients of the inputs and of the parameters, running statistics."""
    if hybrid:
        block.hybridize()
    x, residual = (mx.nd.array(array, dtype=dtype) for array in (x, residual))
    for array in (x, residual):
        array.attach_grad()
    with autograd.record(train_mode=training):
        output = block(x, residual)
    if cotangent is None:
        cotangent = np.random.default_rng(9).normal(size=output.shape)
    output.backward(mx.nd.array(cotangent, dtype=dtype), train_mode=training)
    parameters = block.collect_params().values()
    found = {"output": output, "x": x.grad, "residual": residual.grad}
    for number, parameter in enumerate(parameters):
        kind = parameter.name.rsplit("_", 1)[-1] if parameter.grad_req != "null" else "running"
        gradient = parameter.grad_req != "null"
        found[f"{number} {kind}"] = parameter.grad() if gradient else parameter.data()
    return {name: array.asnumpy().astype("float64") for name, array in found.items()}


def assert_alike(found, wanted, tolerance):
    gradients = [
        np.abs(array).max() for name, array in wanted.items() if name[0].isdigit() or name == "x"
    ]
    for name, array in wanted.items():
        size = np.abs(array).max() if name == "output" else max(np.abs(array).max(), *gradients)
        error = np.abs(found[name] - array).max() if array.size else 0
        assert error <= tolerance * max(size, 1), (name, error, size)


def data_of(shape, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) * scale for _ in range(2)]


shapes = st.tuples(st.integers(3, 6), st.integers(1, 40), st.integers(1, 11), st.integers(1, 11))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FUSIONS), shapes, st.sampled_from([1, 4, 16]), st.booleans())
@example("AFF", (3, 16, 1, 1), 16, True)
@example("iAFF", (4, 17, 1, 13), 4, True)
@example("AFF", (3, 5, 23, 29), 4, False)
@example("iAFF", (3, 33, 7, 7), 1, True)
def test_it_computes_the_formula(name, shape, r, training):
    if r > shape[1]:
        r = 1
    fusion = fusion_of(name, shape[1], r)
    wanted = computed(
        literal(fusion, name, shape[1], r), *data_of(shape), training, False, "float64"
    )
    found = computed(fusion, *data_of(shape), training, hybrid=True)
    assert uses_operator(fusion)
    assert_alike(found, wanted, 2e-4)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize(
    "shape, r", [((2, 256, 14, 14), 16), ((1, 64, 33, 31), 4), ((2, 130, 5, 5), 1)]
)
def test_it_computes_the_formula_of_wide_maps(name, shape, r):
    fusion = fusion_of(name, shape[1], r)
    for parameter in fusion.collect_params(".*weight").values():
        parameter.set_data(parameter.data() / np.sqrt(parameter.shape[1]))
    reference = literal(fusion, name, shape[1], r)
    for training in (False, *([True] if shape[0] > 2 else [])):
        wanted = computed(reference, *data_of(shape), training, False, "float64")
        assert_alike(computed(fusion, *data_of(shape), training), wanted, 2e-4)


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("name", FUSIONS)
def test_few_images_train_as_in_gluon(name, images):
    """Statistics of one or two values amplify rounding; all agrees none the less."""
    shape = (images, 16, 6, 5)
    fusion = fusion_of(name, 16, 4)
    found = computed(fusion, *data_of(shape))
    fusion = fusion_of(name, 16, 4)
    with operator.without():
        wanted = computed(fusion, *data_of(shape))
    assert_alike(found, wanted, 2e-3)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
@pytest.mark.parametrize("name", FUSIONS)
def test_values_large_and_small(name, scale):
    shape = (4, 16, 6, 5)
    fusion = fusion_of(name, 16, 4)
    x, residual = data_of(shape, scale=scale)
    wanted = computed(literal(fusion, name, 16, 4), x, residual, dtype="float64")
    found = computed(fusion, x, residual)
    for key in ("output", "x", "residual"):
        size = np.abs(wanted[key]).max()
        assert np.abs(found[key] - wanted[key]).max() <= 2e-3 * size, key


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("value", [0.0, 3.0, 1000.0])
def test_constant_maps_have_no_variance(name, value):
    shape = (3, 16, 5, 5)
    x = np.full(shape, value)
    found = computed(fusion_of(name, 16, 4), x, x)
    assert all(np.isfinite(array).all() for array in found.values())
    assert found["output"] == pytest.approx(2 * x if name == "AFF" else x, rel=1e-6)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["x", "residual", "cotangent", "weight", "gamma"])
def test_what_is_not_finite_comes_out(name, value, where):
    shape = (3, 16, 5, 7)
    fusion = fusion_of(name, 16, 4)
    x, residual = data_of(shape)
    cotangent = np.ones(shape)
    arrays = {"x": x, "residual": residual, "cotangent": cotangent}
    if where in arrays:
        arrays[where][1, 3, 2, 4] = value
    else:
        kind = next(p for p in fusion.collect_params().values() if p.name.endswith(where))
        kind.set_data(kind.data() * value)
    found = computed(fusion, x, residual, cotangent=cotangent)
    if where != "cotangent":
        assert not np.isfinite(found["output"]).all()
    assert not np.isfinite(found["x"]).all()
    learned = [array for key, array in found.items() if key[0].isdigit() and "running" not in key]
    assert not all(np.isfinite(array).all() for array in learned)


@pytest.mark.parametrize("hybrid", [False, True])
def test_gradients_are_added_where_they_are_asked_to_be(hybrid):
    shape = (4, 16, 6, 5)
    once = computed(fusion_of("AFF", 16, 4), *data_of(shape), hybrid=hybrid)
    fusion = fusion_of("AFF", 16, 4)
    fusion.collect_params().setattr("grad_req", "add")
    for parameter in fusion.collect_params(".*running.*").values():
        parameter.grad_req = "null"
    start = {key: p.data().copy() for key, p in fusion.collect_params(".*running.*").items()}
    for _ in range(3):
        for key, value in start.items():
            fusion.collect_params()[key].set_data(value)
        found = computed(fusion, *data_of(shape), hybrid=hybrid)
    for key, array in once.items():
        if key[0].isdigit() and "running" not in key:
            assert found[key] == pytest.approx(3 * array, rel=1e-5, abs=1e-6), key


def test_a_map_used_twice_gets_both_gradients():
    fusion = fusion_of("AFF", 16, 4)
    x, _ = data_of((3, 16, 5, 5))
    array = mx.nd.array(x)
    array.attach_grad(grad_req="add")
    for _ in range(2):
        with autograd.record():
            output = fusion(array, array)
        output.backward()
    # 2 (w x + (1 - w) x) = 2 x, in each of two calls
    assert array.grad.asnumpy() == pytest.approx(4, rel=1e-4)


REPEAT = """
import hashlib, mxnet as mx, aff
from mxnet import autograd
mx.random.seed(3)
digest = hashlib.sha256()
for name, shape in (("AFF", (3, 20, 9, 31)), ("iAFF", (2, 64, 7, 7)), ("AFF", (1, 16, 40, 40))):
    fusion = aff.create_fusion(name, shape[1])
    fusion.initialize(mx.init.Xavier())
    maps = [mx.nd.random.normal(shape=shape) for _ in range(2)]
    for array in maps:
        array.attach_grad()
    with autograd.record():
        output = fusion(*maps)
    output.backward()
    gradients = [p.grad() for p in fusion.collect_params().values() if p.grad_req != "null"]
    for array in (output, *(array.grad for array in maps), *gradients):
        digest.update(array.asnumpy().tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_threads_do_not_change_a_bit():
    found = {
        run_python("-c", REPEAT, OMP_NUM_THREADS=str(threads)).stdout for threads in (1, 2, 4, 2)
    }
    assert len(found) == 1
