"""Native resizing computes bilinear interpolation, mxnet's to the last bit, in a fixed order."""

import json

import mxnet as mx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mxnet import autograd

import aff
from aff.nn.native import operator

from ..conftest import run_python

pytestmark = pytest.mark.skipif(bool(operator.why_not()), reason=operator.why_not() or "-")


def weights(to, of):
    """(to, of): what of each place goes into each of the result, between centres."""
    scale = of / to if to > 1 else 0  # mxnet's rule: a side of one place is the first
    centres = np.maximum(0, (np.arange(to) + 0.5) * scale - 0.5)
    return np.maximum(0, 1 - np.abs(np.minimum(centres, of - 1)[:, None] - np.arange(of)))


def computed(resize, z, like, cotangent):
    """The result, and the gradients of both maps."""
    z, like = (mx.nd.array(array) for array in (z, like))
    for array in (z, like):
        array.attach_grad()
    with autograd.record():
        output = resize(z, like)
    output.backward(mx.nd.array(cotangent))
    return [array.asnumpy() for array in (output, z.grad, like.grad)]


def native(z, like):
    return operator.resize(mx.nd, z, like)


def drawn(maps, size, to):
    rng = np.random.default_rng(0)
    z, cotangent = (rng.normal(size=(2, maps, *sides)) for sides in (size, to))
    return z, rng.normal(size=(2, 3, *to)), cotangent


sides = st.tuples(st.integers(1, 20), st.integers(1, 20))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), sides, sides)
@example(3, (1, 1), (4, 4))
@example(3, (7, 5), (7, 5))
@example(3, (16, 16), (64, 64))
def test_it_interpolates(maps, size, to):
    z, like, cotangent = drawn(maps, size, to)
    rows, columns = weights(to[0], size[0]), weights(to[1], size[1])
    output, gradient, none = computed(native, z, like, cotangent)
    np.testing.assert_allclose(output, rows @ z @ columns.T, atol=1e-5)
    np.testing.assert_allclose(gradient, rows.T @ cotangent @ columns, atol=1e-4)
    assert not none.any()


PROGRAM = """
import hashlib
import mxnet as mx
from tests.nn import test_native_resize as it

def mxnets(z, like):
    return mx.nd.contrib.BilinearResize2D(z, like, mode="like", align_corners=False)

for resize in (it.native, mxnets):
    digest = hashlib.sha256()
    larger = ((4, 4), (8, 8)), ((9, 5), (36, 20)), ((5, 7), (13, 9))
    smaller = ((9, 8), (4, 3)), ((4, 4), (1, 1)), ((5, 3), (1, 6)), ((6, 7), (2, 1))
    for size, to in (*larger, *smaller):
        for array in it.computed(resize, *it.drawn(21, size, to)):
            digest.update(array.tobytes())
    print(digest.hexdigest())
"""


def test_it_is_mxnets_on_one_thread_to_the_last_bit_on_any_number():
    digests = set()
    for threads in (1, 3):
        finished = run_python("-c", "import aff\n" + PROGRAM, OMP_NUM_THREADS=str(threads))
        assert finished.returncode == 0, finished.stderr
        own, mxnets = finished.stdout.split()
        digests |= {own} | ({mxnets} if threads == 1 else set())
    assert len(digests) == 1


@pytest.mark.parametrize(
    "name, times", [("fpn_cifar_resnet8_askc", 2), ("fpn_resnet50_v1b_askc", 4)]
)
def test_pyramids_use_it_and_graphs_for_others_do_not(name, times, tmp_path):
    net = aff.get_model(name, fusion="Add", classes=3, ctx=mx.cpu())
    net.initialize()
    images = mx.nd.random.normal(shape=(2, 3, 64, 64))
    eager = net(images).asnumpy()
    net.hybridize()
    assert (net(images).asnumpy() == eager).all()

    def resizings(graph):
        nodes = [node["op"] for node in json.loads(graph)["nodes"]]
        return nodes.count("_aff_resize"), nodes.count("_contrib_BilinearResize2D")

    assert resizings(net._cached_graph[1].tojson()) == (times, 0)
    net.export(str(tmp_path / "net"))
    assert resizings((tmp_path / "net-symbol.json").read_text()) == (0, times)
    with operator.without():
        assert (net(images).asnumpy() == eager).all()
    net.cast("float64")
    net(images.astype("float64"))
    assert resizings(net._cached_graph[1].tojson()) == (0, times)


@pytest.mark.parametrize("ndim, size, to", [(1, (5,), (9,)), (3, (2, 3, 4), (4, 5, 8))])
def test_features_of_any_dimensions_are_resized_by_it(ndim, size, to):
    fusion = aff.create_fusion("AFF", 4, ndim=ndim, in_channels=(4, 6), resize=True)
    fusion.initialize()
    features = [mx.nd.random.normal(shape=(3, *sides)) for sides in ((4, *to), (6, *size))]
    own = fusion(*features).asnumpy()
    with operator.without():
        np.testing.assert_allclose(fusion(*features).asnumpy(), own, atol=1e-5)
    fusion.hybridize()
    np.testing.assert_allclose(fusion(*features).asnumpy(), own, atol=1e-5)
    assert "_aff_resize" in fusion._cached_graph[1].tojson()
