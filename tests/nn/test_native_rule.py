"""Where the native operator is used, and where the Gluon form is."""

import mxnet as mx
import pytest
from mxnet.gluon import nn
from mxnet.gluon.contrib.nn import SyncBatchNorm

import aff
from aff.nn.forms import GPU, Compiling, choose_form
from aff.nn.fusion import AFF
from aff.nn.layers import Normalization
from aff.nn.native import operator

from ..conftest import run_python
from .test_native import computed, data_of, fusion_of, uses_operator

pytestmark = pytest.mark.skipif(bool(operator.why_not()), reason=operator.why_not() or "-")


def test_relu_goes_into_the_operator():
    net = aff.get_model("resnet50_v1b_askc", start_layer=1, ctx=mx.cpu())
    net.hybridize()
    net(mx.nd.zeros((1, 3, 32, 32)))
    graph = net._cached_graph[1].tojson()
    assert graph.count('"op": "_aff_select"') == 16 == graph.count('"relu": "1"')


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_statistics_stay(frozen):
    fusion = fusion_of("AFF", 16, 4, norm_kwargs={"use_global_stats": frozen})
    before = {k: p.data().asnumpy() for k, p in fusion.collect_params(".*running.*").items()}
    found = computed(fusion, *data_of((4, 16, 6, 5)), hybrid=True)
    assert uses_operator(fusion)
    after = {k: p.data().asnumpy() for k, p in fusion.collect_params(".*running.*").items()}
    assert all((before[key] == after[key]).all() == frozen for key in before)
    if frozen:
        evaluated = computed(fusion_of("AFF", 16, 4), *data_of((4, 16, 6, 5)), training=False)
        assert found["output"] == pytest.approx(evaluated["output"], abs=1e-6)


class Swapped(AFF):
    """A fusion of a user's own."""

    def hybrid_forward(self, F, x, residual):
        return super().hybrid_forward(F, residual, x)


def unusual():
    own = Swapped(16, 4, Normalization())
    own.initialize()
    yield "a fusion of one's own", lambda: own
    yield "SyncBatchNorm", lambda: fusion_of("AFF", 16, 4, norm_layer=SyncBatchNorm)
    yield "scale", lambda: fusion_of("AFF", 16, 4, norm_kwargs={"scale": False})
    double = fusion_of("AFF", 16, 4)
    double.cast("float64")
    yield "float64", lambda: double
    other = fusion_of("AFF", 16, 4)
    other.local_att[1]._kwargs["eps"] = 1e-3
    yield "one eps", lambda: other
    yield "a context is watched", lambda: watched(lambda fusion: fusion.local_att)
    yield "a layer is watched", lambda: watched(lambda fusion: fusion.global_att[1])
    yield "a layer more", longer
    gpu = fusion_of("AFF", 16, 4)
    choose_form(gpu, GPU)
    yield "the form for GPUs", lambda: gpu


def watched(choose):
    """Somebody looks at what a part of it gives."""
    fusion = fusion_of("AFF", 16, 4)
    choose(fusion).register_forward_hook(lambda *_: None)
    return fusion


def longer():
    """With a layer more than it was built with."""
    fusion = fusion_of("AFF", 16, 4)
    fusion.local_att.add(nn.Activation("sigmoid"))
    return fusion


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in unusual()])
def test_what_is_unusual_has_the_gluon_form(build):
    fusion = build()
    fusion.hybridize()
    maps = [mx.nd.ones((2, 16, 3, 3), dtype=fusion.local_att[0].weight.dtype)] * 2
    fusion(*maps)
    assert not uses_operator(fusion)


def test_graphs_for_others_have_no_operator_of_ours(tmp_path):
    net = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu())
    images = mx.nd.random.normal(shape=(2, 3, 16, 16))
    net.hybridize()
    wanted = net(images).asnumpy()
    assert uses_operator(net)
    net.export(str(tmp_path / "net"))
    assert "_aff_" not in (tmp_path / "net-symbol.json").read_text()
    assert "_aff_" not in net(mx.sym.var("data")).tojson()
    names = [str(tmp_path / f"net-{end}") for end in ("symbol.json", "0000.params")]
    loaded = mx.gluon.SymbolBlock.imports(names[0], ["data"], names[1])
    assert loaded(images).asnumpy() == pytest.approx(wanted, abs=1e-5)
    assert (net(images).asnumpy() == wanted).all()  # and still in its own form


def test_what_is_optimized_for_inference_has_it():
    net = aff.get_model("cifar_resnet8_askc", ctx=mx.cpu())
    images = mx.nd.random.normal(shape=(2, 3, 16, 16))
    optimized = aff.optimize_for_inference(net)
    assert uses_operator(optimized)
    assert optimized(images).asnumpy() == pytest.approx(net(images).asnumpy(), abs=1e-5)


MIXED = """
import aff, mxnet as mx
from mxnet.contrib import amp
amp.init("bfloat16")
net = aff.get_model("cifar_resnet8_askc", classes=10, ctx=mx.cpu())
net.hybridize()
with mx.autograd.record():
    output = net(mx.nd.ones((2, 3, 16, 16)))
output.backward()
print(output.shape)
"""


def test_mixed_precision_has_the_gluon_form():
    finished = run_python("-c", MIXED)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "(2, 10)\n"


class Pair(Compiling):
    """A block whose one argument is a list."""

    def __init__(self):
        super().__init__()
        self.fuse = fusion_of("AFF", 16, 4)

    def hybrid_forward(self, F, maps):
        return self.fuse(*maps)


def test_a_block_that_takes_a_list_is_exported_and_goes_on(tmp_path):
    block, maps = Pair(), [mx.nd.ones((2, 16, 3, 3)), mx.nd.ones((2, 16, 3, 3))]
    block.hybridize()
    before = block(maps).asnumpy()
    for _ in range(2):
        block.export(str(tmp_path / "pair"))
        assert "_aff_select" not in (tmp_path / "pair-symbol.json").read_text()
        assert (block(maps).asnumpy() == before).all()
    assert uses_operator(block)
