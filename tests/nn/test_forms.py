"""The form for GPUs computes what the form for CPUs does, of operators that serve there; and one
rule says which runs where. (No GPU is here: both forms are run on a CPU.)
"""

import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

import aff
from aff.models.registry import build_network
from aff.nn.forms import CPU, GPU, NATIVE, Formed, choose_form, form_for

SHAPE = (4, 16, 5, 7)
#: What sums in half precision on a GPU, or splits its fused kernels.
UNSUITED = {"batch_dot", "dot", "_contrib_AdaptiveAvgPooling2D", "reshape_like", "sum", "mean"}


def inputs(dtype):
    rng = np.random.default_rng(0)
    return [mx.nd.array(rng.normal(size=SHAPE), dtype=dtype) for _ in range(2)]


def randomized(block, dtype):
    block.initialize(mx.init.Xavier())
    block.cast(dtype)
    for number, parameter in enumerate(block.collect_params().values()):
        rng = np.random.default_rng(number)
        values = rng.normal(size=parameter.shape) * 0.3
        if parameter.name.endswith(("gamma", "running_var")):
            values = 1 + 0.1 * np.abs(values)
        parameter.set_data(mx.nd.array(values, dtype=parameter.dtype))
    return block


def computed(block, form, dtype, hybrid):
    """Output, and gradients of the inputs and of every parameter, after a training step."""
    choose_form(block, form)
    block.hybridize(hybrid)
    x, residual = inputs(dtype)
    for array in (x, residual):
        array.attach_grad()
    with autograd.record():
        output = block(x, residual)
        (output * output).sum().backward()
    gradients = [p.grad() for p in block.collect_params().values() if p.grad_req != "null"]
    return [array.asnumpy() for array in (output, x.grad, residual.grad, *gradients)]


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("name", aff.list_fusions())
def test_both_forms_compute_the_same(name, hybrid):
    found = []
    for form in (CPU, GPU):
        block = randomized(aff.create_fusion(name, 16, r=4), "float64")
        found.append(computed(block, form, "float64", hybrid))
    largest = max(np.abs(array).max() for array in found[0])
    for cpu, gpu in zip(*found):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-9, atol=1e-12 * largest)


def operators(net, form):
    """Operators of a network in a form."""
    choose_form(net, form)
    nodes = json.loads(net(mx.sym.var("data")).tojson())["nodes"]
    return {node["op"] for node in nodes} - {"null"}


@pytest.mark.parametrize("name", aff.list_fusions())
@pytest.mark.parametrize(
    "model, kwargs",
    [("cifar_resnet8_askc", {}), ("cifar_resnext11_32x4d_askc", {"use_se": True})],
)
def test_the_form_for_gpus_is_of_operators_that_serve_there(name, model, kwargs):
    net = aff.get_model(model, fusion=name, **kwargs)
    assert not operators(net, GPU) & UNSUITED
    assert operators(net, CPU) & UNSUITED  # the pooling, at least


def test_networks_with_se_compute_the_same():
    data = mx.nd.array(np.random.default_rng(0).normal(size=(2, 3, 16, 16)))
    net = aff.get_model("cifar_resnext11_32x4d_askc", use_se=True, classes=4, ctx=mx.cpu())
    outputs = []
    for form in (CPU, GPU):
        choose_form(net, form)
        outputs.append(net(data).asnumpy())
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-3, atol=1e-5)


def test_one_rule_says_which_form_runs_where(monkeypatch):
    assert form_for(None) == form_for(mx.cpu()) == form_for([mx.cpu(0), mx.cpu(1)]) == NATIVE
    assert form_for(mx.gpu()) == form_for([mx.gpu(0), mx.gpu(1)]) == GPU
    built = []
    monkeypatch.setattr("aff.models.registry.choose_form", lambda net, form: built.append(form))
    build_network("cifar_resnet8_askc", ctx=mx.cpu())
    assert built == [NATIVE]


def test_a_compiled_network_takes_up_another_form():
    net = aff.get_model("cifar_resnet8_askc", classes=4, ctx=mx.cpu())
    net.hybridize()
    data = mx.nd.ones((2, 3, 16, 16))
    before = net(data).asnumpy()
    choose_form(net, GPU)
    formed = []
    net.apply(lambda block: formed.append(block.form) if isinstance(block, Formed) else None)
    assert set(formed) == {GPU}
    np.testing.assert_allclose(net(data).asnumpy(), before, rtol=1e-3, atol=1e-5)
