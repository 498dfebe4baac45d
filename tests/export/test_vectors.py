"""The golden vectors are those of our blocks, of NumPy's formulas and of PyTorch, and tell usual
mistakes.
"""

import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

import aff
from aff.export.pytorch_file import torch_names
from aff.export.vectors import CHANNELS, MS_CAM, R, compute_vectors, list_vectors, write_vectors
from aff.nn.reference import REFERENCE

from .networks import needs_torch

#: As parts of an array's largest value, in float64.
CLOSE = 1e-9


@pytest.fixture(scope="module")
def vectors():
    """All vectors by name."""
    return {name: compute_vectors(name) for name in list_vectors()}


def part(found, prefix):
    """What is below a path, by its own name."""
    return {key[len(prefix) :]: value for key, value in found.items() if key.startswith(prefix)}


def close(found, expected, what=""):
    scale = max(np.abs(expected).max(), 1e-3)
    assert np.abs(found - expected).max() < CLOSE * scale, what


def test_there_are_vectors_of_everything():
    assert list_vectors() == [MS_CAM, *REFERENCE]
    assert set(REFERENCE) == set(aff.list_fusions())


def test_files_hold_them_and_no_pickles(vectors, tmp_path):
    paths = write_vectors(str(tmp_path / "out"))
    assert len(paths) == 19
    for name, path in zip(list_vectors(), paths):
        with np.load(path, allow_pickle=False) as file:
            assert set(file.files) == set(vectors[name])
            for key in file.files:
                np.testing.assert_array_equal(file[key], vectors[name][key])
                assert key == "about" or file[key].dtype == np.float64
            about = json.loads(str(file["about"]))
        assert about["name"] == name and about["r"] == R


def test_no_parameter_can_be_left_out_unnoticed(vectors):
    for found in vectors.values():
        for value in part(found, "parameter/").values():
            assert not np.isin(value, (0, 1)).any()


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("name", list(REFERENCE))
def test_our_fast_blocks_agree(name, mode, vectors):
    found, training = vectors[name], mode == "training"
    block = aff.create_fusion(name, CHANNELS, R)
    block.initialize()
    block.cast("float64")
    parameters = block._collect_params_with_prefix()
    for key, value in part(found, "parameter/").items():
        parameters[key].set_data(mx.nd.array(value, dtype="float64"))
    inputs = {key: mx.nd.array(found[key], dtype="float64") for key in ("x", "residual")}
    for array in inputs.values():
        array.attach_grad()
    with autograd.record(train_mode=training):
        output = block(*inputs.values())
    output.backward(mx.nd.array(found["cotangent"], dtype="float64"), train_mode=training)
    close(output.asnumpy(), found[f"{mode}/output"])
    for key, value in part(found, f"{mode}/gradient/").items():
        array = inputs[key].grad if key in inputs else parameters[key].grad()
        close(array.asnumpy(), value, key)


@needs_torch
@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("name", list(REFERENCE))
def test_pytorch_agrees(name, mode, vectors):
    """Output, every gradient, and the running statistics after a training step."""
    import torch

    from aff.export.pytorch.fusion import FUSIONS

    found = vectors[name]
    net = FUSIONS[name](CHANNELS, R).double().train(mode == "training")
    values = part(found, "parameter/")
    keys = torch_names(list(values))
    net.load_state_dict({keys[name]: torch.tensor(value) for name, value in values.items()})
    x, residual = (torch.tensor(found[key], requires_grad=True) for key in ("x", "residual"))
    output = net(x, residual)
    output.backward(torch.tensor(found["cotangent"]))
    close(output.detach().numpy(), found[f"{mode}/output"])
    parameters = dict(net.named_parameters())
    for key, value in part(found, f"{mode}/gradient/").items():
        tensor = {"x": x, "residual": residual}.get(key)
        tensor = parameters[keys[key]] if tensor is None else tensor
        close(tensor.grad.numpy(), value, key)
    for key, value in part(found, f"{mode}/after/").items():
        close(net.state_dict()[keys[key]].numpy(), value, key)


def batch_norm(z, values, key):
    """BatchNorm with running statistics."""
    mean, variance, gamma, beta = (
        values[f"{key}.{name}"][:, None, None]
        for name in ("running_mean", "running_var", "gamma", "beta")
    )
    return (z - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def context(z, values, key, pooled):
    """L(Z), or g(Z), of equations 1 and 2 in NumPy."""
    z = z.mean((2, 3), keepdims=True) if pooled else z
    first = int(pooled)
    for number in (first, first + 3):
        weight = values[f"{key}.{number}.weight"][:, :, 0, 0]
        z = np.einsum("oc,nchw->nohw", weight, z) + values[f"{key}.{number}.bias"][:, None, None]
        z = batch_norm(z, values, f"{key}.{number + 1}")
        z = np.maximum(z, 0) if number == first else z
    return z


def weight_of(z, values, more=""):
    """M(Z) of equation 3 in NumPy."""
    local = context(z, values, f"local_att{more}", False)
    return 1 / (1 + np.exp(-local - context(z, values, f"global_att{more}", True)))


def test_the_equations_in_numpy_agree(vectors):
    """MS-CAM, AFF and iAFF in inference."""
    found = vectors[MS_CAM]
    close(weight_of(found["z"], part(found, "parameter/")), found["inference/output"])
    for name, factor in (("ASKCFuse", 2), ("ResGlobLocaforGlobLocaCha", 1)):
        found = vectors[name]
        x, residual, values = found["x"], found["residual"], part(found, "parameter/")
        w = weight_of(x + residual, values)
        if factor == 1:
            w = weight_of(w * x + (1 - w) * residual, values, "2")
        close(factor * (w * x + (1 - w) * residual), found["inference/output"])


def test_usual_mistakes_show(vectors):
    """As docs/conformance.md says: by how much of the largest output."""
    found = vectors["ResGlobLocaforGlobLocaCha"]
    x, residual, values = found["x"], found["residual"], part(found, "parameter/")
    w = weight_of(x + residual, values)
    u = w * x + (1 - w) * residual
    shared = {
        **values,
        **{
            key.replace("att.", "att2."): v
            for key, v in values.items()
            if key.startswith("global_att.")
        },
    }
    w = weight_of(u, shared, "2")
    expected = found["inference/output"]
    off = np.abs(w * x + (1 - w) * residual - expected).max() / np.abs(expected).max()
    assert off > 0.1
    found = vectors["ASKCFuse"]
    x, residual, values = found["x"], found["residual"], part(found, "parameter/")
    w, expected = weight_of(x + residual, values), found["inference/output"]
    once = w * x + (1 - w) * residual
    np.testing.assert_allclose(expected / once, 2, rtol=1e-9)
    swapped = 2 * (w * residual + (1 - w) * x)
    assert np.abs(swapped - expected).max() > 0.1 * np.abs(expected).max()
    np.testing.assert_allclose((swapped + expected) / 2, x + residual, rtol=1e-9)
