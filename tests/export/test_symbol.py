"""Symbol files load wherever mxnet's do."""

import ctypes
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet.base import _LIB, check_call
from mxnet.gluon import SymbolBlock

from aff.export.symbol_file import write_symbol

from .networks import SMALL, exportable


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Graph, parameters, an input, and what our network makes of it."""
    folder = tmp_path_factory.mktemp("symbol")
    build, _ = exportable(SMALL, folder)
    graph, params = str(folder / "it-symbol.json"), str(folder / "it-0000.params")
    write_symbol(graph, params, build())
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    return graph, params, x, build()(mx.nd.array(x)).asnumpy()


def close(found, expected):
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_symbol_block(written):
    graph, params, x, expected = written
    net = SymbolBlock.imports(graph, ["data"], params)
    close(net(mx.nd.array(x)).asnumpy(), expected)


def test_module(written):
    """What the Scala and other old front ends do with it."""
    graph, params, x, expected = written
    symbol = mx.sym.load(graph)
    named = {tuple(name.split(":")): array for name, array in mx.nd.load(params).items()}
    arg = {name: array for (kind, name), array in named.items() if kind == "arg"}
    aux = {name: array for (kind, name), array in named.items() if kind == "aux"}
    module = mx.mod.Module(symbol, ["data"], None)
    module.bind([("data", x.shape)], for_training=False)
    module.set_params(arg, aux)
    module.forward(mx.io.DataBatch([mx.nd.array(x)]), is_train=False)
    close(module.get_outputs()[0].asnumpy(), expected)


def test_the_c_predictor(written):
    """By its own functions in mxnet's library."""
    graph, params, x, expected = written
    with open(graph, "rb") as text, open(params, "rb") as values:
        symbol, weights = text.read(), values.read()
    keys = (ctypes.c_char_p * 1)(b"data")
    offsets = (ctypes.c_uint32 * 2)(0, 4)
    shape = (ctypes.c_uint32 * 4)(*x.shape)
    handle, zero, one = ctypes.c_void_p(), ctypes.c_int(0), ctypes.c_int(1)
    check_call(
        _LIB.MXPredCreate(
            ctypes.c_char_p(symbol),
            weights,
            len(weights),
            *(one, zero, ctypes.c_uint32(1)),
            *(keys, offsets, shape, ctypes.byref(handle)),
        )
    )
    floats = ctypes.POINTER(ctypes.c_float)
    check_call(
        _LIB.MXPredSetInput(handle, b"data", x.ctypes.data_as(floats), ctypes.c_uint32(x.size))
    )
    check_call(_LIB.MXPredForward(handle))
    found = np.empty(expected.shape, np.float32)
    check_call(
        _LIB.MXPredGetOutput(
            handle, ctypes.c_uint32(0), found.ctypes.data_as(floats), ctypes.c_uint32(found.size)
        )
    )
    check_call(_LIB.MXPredFree(handle))
    close(found, expected)


def test_its_operators_are_mxnets_own(written):
    with open(written[0], encoding="utf-8") as file:
        nodes = json.load(file)["nodes"]
    assert {node["op"] for node in nodes} == {
        *("null", "Activation", "BatchNorm", "Convolution", "Flatten", "FullyConnected", "Pooling"),
        *("broadcast_add", "broadcast_mul", "sigmoid", "_mul_scalar", "_rminus_scalar"),
    }
    assert len({node["name"] for node in nodes}) == len(nodes)
