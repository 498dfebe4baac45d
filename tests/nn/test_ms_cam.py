"""MS-CAM alone against equation 3."""

import mxnet as mx
import numpy as np
import pytest

import aff

from .formulas import check_gradients, randomize, two_branches

SIZES = {1: (7,), 2: (5, 3), 3: (3, 2, 4)}


def made(ndim, **kwargs):
    return randomize(aff.MSCAM(8, ndim=ndim, **kwargs))


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("ndim", SIZES)
def test_formula(ndim, hybrid):
    mx.random.seed(0)
    block = made(ndim)
    block.hybridize(hybrid)
    z = mx.nd.random.normal(shape=(2, 8, *SIZES[ndim]))
    weight = two_branches(block, z.asnumpy())
    np.testing.assert_allclose(block(z).asnumpy(), z.asnumpy() * weight, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(block.weight(z).asnumpy(), weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ndim", SIZES)
def test_gradient_against_finite_differences(ndim):
    mx.random.seed(0)
    block = made(ndim)
    block.cast("float64")
    check_gradients(block, [mx.nd.random.normal(shape=(2, 8, *SIZES[ndim]), dtype="float64")])


@pytest.mark.parametrize("form", ["gpu", "reference"])
def test_every_form_is_the_same(form):
    block = made(3)
    z = mx.nd.random.normal(shape=(2, 8, *SIZES[3]))
    expected = block(z).asnumpy()
    aff.nn.forms.choose_form(block, form)
    np.testing.assert_allclose(block(z).asnumpy(), expected, rtol=1e-4, atol=1e-5)


def test_it_takes_the_parameters_of_aff(tmp_path):
    fusion = randomize(aff.create_fusion("AFF", 8))
    fusion.save_parameters(str(tmp_path / "aff.params"))
    block = aff.MSCAM(8)
    block.load_parameters(str(tmp_path / "aff.params"))
    x = mx.nd.random.normal(shape=(2, 8, 4, 4))
    expected = fusion.weight(x, mx.nd.zeros_like(x)).asnumpy()
    np.testing.assert_allclose(block.weight(x).asnumpy(), expected, rtol=1e-4, atol=1e-5)


def test_r_and_the_normalisation_are_used():
    block = aff.MSCAM(8, 2, norm_layer=mx.gluon.nn.GroupNorm)
    assert block.local_att[0].weight.shape == (4, 8, 1, 1)
    assert isinstance(block.global_att[2], mx.gluon.nn.GroupNorm)


@pytest.mark.parametrize(
    "arguments, named",
    [((0,), "channels"), ((8, 16), "ratio"), ((8, 0), "r must"), ((8, 4, 0), "ndim")],
)
def test_arguments_that_cannot_be(arguments, named):
    with pytest.raises(aff.InputError, match=named):
        aff.MSCAM(*arguments)


@pytest.mark.parametrize("shape", [(2, 8, 4), (2, 4, 4, 4)])
def test_features_that_do_not_fit(shape):
    block = made(2)
    with pytest.raises(aff.InputError, match=r"\(2, "):
        block(mx.nd.zeros(shape))
