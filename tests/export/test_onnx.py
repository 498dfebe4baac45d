"""ONNX files are what other people's tools expect."""

import json

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import pytest

import aff
from aff.export.networks import describe, open_onnx
from aff.export.onnx_file import KEY, write_onnx
from aff.export.source import describe_source
from aff.models.parameters import save_parameters

from .networks import SMALL, exportable

STANDARD = {
    *("Add", "AveragePool", "BatchNormalization", "Concat", "Conv", "Div", "Expand", "Flatten"),
    *("Gemm", "GlobalAveragePool", "Identity", "MaxPool", "Mul", "Relu", "Reshape", "Shape"),
    *("Sigmoid", "Softmax", "Split", "Squeeze", "Sub", "MatMul", "Cast"),
}
POINTWISE = {"Add", "BatchNormalization", "Conv", "Flatten", "Gemm", "GlobalAveragePool"} | {
    *("Mul", "Relu", "Sigmoid", "Sub")
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A network, its description and its file."""
    folder = tmp_path_factory.mktemp("onnx")
    build, source = exportable(SMALL, folder)
    path = str(folder / "it.onnx")
    write_onnx(path, build(), source)
    return build, source, path


def images(count=3, size=32, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3, size, size)).astype(np.float32)


def close(found, expected, part=1e-5):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= part * np.abs(expected).max()


def ours(build, x):
    return build()(mx.nd.array(x)).asnumpy()


def test_it_is_of_standard_operators_and_says_what_it_is(written):
    build, source, path = written
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)]
    assert {node.op_type for node in model.graph.node} == POINTWISE
    assert [value.name for value in model.graph.input] == ["data"]
    assert [value.name for value in model.graph.output] == ["logits"]
    assert all(node.name for node in model.graph.node)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    said = json.loads(metadata[KEY])
    assert said["network"]["kwargs"] == source.kwargs
    assert said == describe(path)


def test_its_parameters_have_our_names(written):
    build, _, path = written
    weights = {array.name for array in onnx.load(path).graph.initializer}
    assert set(build()._collect_params_with_prefix()) <= weights


@pytest.mark.parametrize("opset, float16", [(13, False), (18, False), (13, True)])
def test_a_segmentation_networks_sides_are_open_too(opset, float16, tmp_path):
    """Its maps are resized to one another's size, whatever that is."""
    kwargs = {"fusion": "ASKCFuse", "classes": 4}
    model = "fpn_cifar_resnet8_askc"
    net = aff.get_model(model, ctx=mx.cpu(), **kwargs)
    save_parameters(net, str(tmp_path / "net.params"))
    source = describe_source("it", model, kwargs, str(tmp_path / "net.params"), input_size=32)
    path = str(tmp_path / "it.onnx")
    x = images(2)
    expected = [net(mx.nd.array(part)).asnumpy() for part in (x, x[:1, :, :, :20])]
    write_onnx(path, net, source, opset=opset, float16=float16)
    run = open_onnx(path)
    close(run(x), expected[0], 2e-2 if float16 else 1e-5)
    close(run(x[:1, :, :, :20]), expected[1], 2e-2 if float16 else 1e-5)
    resizing = [node for node in onnx.load(path).graph.node if node.op_type == "Resize"]
    assert len(resizing) == 2
    (output,) = onnx.load(path).graph.output
    sides = [side.dim_param or side.dim_value for side in output.type.tensor_type.shape.dim]
    assert sides == ["N", 4, "H", "W"]


@pytest.mark.parametrize("count, size", [(1, 32), (7, 32), (2, 24), (2, 45)])
def test_batch_height_and_width_are_open(written, count, size):
    build, _, path = written
    x = images(count, size)
    close(open_onnx(path)(x), ours(build, x))


def test_height_and_width_need_not_be_equal(written):
    build, _, path = written
    x = images()[:, :, :, :20]
    close(open_onnx(path)(x), ours(build, x))


def test_the_reference_interpreter_of_onnx_agrees(written, tmp_path):
    """Another runtime, operator by operator in NumPy. (Before opset 14 its BatchNormalization mixes
    the batch's statistics in.)
    """
    from onnx.reference import ReferenceEvaluator

    build, source, _ = written
    path = str(tmp_path / "it.onnx")
    write_onnx(path, build(), source, opset=15)
    x = images(2)
    close(ReferenceEvaluator(path).run(None, {"data": x})[0], ours(build, x))


@pytest.mark.parametrize("opset", [13, 15, 17, 18])
def test_opsets(written, opset, tmp_path):
    build, source, _ = written
    path = str(tmp_path / "it.onnx")
    write_onnx(path, build(), source, opset=opset)
    assert onnx.load(path).opset_import[0].version == opset
    close(open_onnx(path)(images()), ours(build, images()))


@pytest.mark.parametrize("float16", [False, True])
def test_normalisation_can_be_built_in(written, float16, tmp_path):
    build, source, _ = written
    path = str(tmp_path / "it.onnx")
    write_onnx(path, build(), source, preprocessing=True, float16=float16)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    mean = np.array((0.4914, 0.4822, 0.4465))[:, None, None]  # CIFAR's
    std = np.array((0.2023, 0.1994, 0.2010))[:, None, None]
    normalized = ((pixels / 255 - mean) / std).astype(np.float32)
    expected = ours(build, normalized)
    close(session.run(None, {"data": pixels})[0], expected, 2e-2 if float16 else 1e-5)
    # and the loader's normalised images are taken back to pixels for it
    close(open_onnx(path)(normalized), expected, 2e-2 if float16 else 1e-5)


def test_float16_is_computed_in(written, tmp_path):
    build, source, _ = written
    path = str(tmp_path / "it.onnx")
    write_onnx(path, build(), source, float16=True)
    model = onnx.load(path)
    weight = next(array for array in model.graph.initializer if array.name.endswith("1.weight"))
    assert weight.data_type == onnx.TensorProto.FLOAT16
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    found, expected = open_onnx(path)(images()), ours(build, images())
    close(found, expected, 2e-2)
    assert np.abs(found - expected).max() > 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize(
    "key", ["cifar_resnet14_c1_s1_SKFuse", "cifar_resnet14_c1_s1_ConcatASKCFuse"]
)
def test_fusions_that_need_more_are_of_standard_operators_too(key, tmp_path):
    build, source = exportable(key, tmp_path)
    path = str(tmp_path / "it.onnx")
    write_onnx(path, build(), source)
    assert {node.op_type for node in onnx.load(path).graph.node} <= STANDARD
    x = images(2, 21)
    close(open_onnx(path)(x), ours(build, x))


@pytest.mark.parametrize("content", [b"", b"no onnx", b"\x08\x07" * 50])
def test_a_damaged_file_is_refused(content, tmp_path):
    path = tmp_path / "it.onnx"
    path.write_bytes(content)
    with pytest.raises(aff.InputError, match="it.onnx"):
        open_onnx(str(path))
