"""The PyTorch file stands alone, trains as ours does, and its parameters come back."""

import ast
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

import aff
from aff.data.transforms import central_view
from aff.export.back import from_pytorch
from aff.export.graph import parameter_arrays
from aff.export.networks import describe, torch_network
from aff.export.pytorch_file import torch_names, torch_source, write_safetensors
from aff.export.source import describe_source
from aff.export.write import export_network, load_script
from aff.models.parameters import save_parameters

from .networks import SMALL, exportable, needs_torch

FAMILIES = [
    SMALL,
    "cifar_resnext29_32x4d_ASKCFuse",
    "cifar_se_resnext38_32x4d_ASKCFuse",
    "gen2_resnet50_s3_ResGlobLocaforGlobLocaCha",
    "gen2_resnext50_32x4d_s3_ASKCFuse",
    "cifar_inception8_ASKCFuse",
    "fpn_cifar_resnet8_ASKCFuse",
    "unet_cifar_inception5_ASKCFuse",
]
QUICK = (SMALL, "fpn_cifar_resnet8_ASKCFuse")
#: Run with neither this package nor mxnet to be had.
ALONE = """
import runpy, sys
sys.modules["aff"] = sys.modules["mxnet"] = sys.modules["numpy"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def exported(tmp_path):
    build, source = exportable(SMALL, tmp_path)
    write_safetensors(str(tmp_path / f"{SMALL}.safetensors"), parameter_arrays(build()), source)
    (tmp_path / f"{SMALL}.py").write_text(torch_source(source))
    return build, source, tmp_path


@pytest.mark.parametrize("key", FAMILIES)
def test_the_file_is_whole_and_clean(key, tmp_path):
    """Nothing undefined, nothing unused, nothing of ours imported."""
    _, source = exportable(key, tmp_path)
    path = tmp_path / "it.py"
    path.write_text(torch_source(source))
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
        )
    }
    standard = {"argparse", "functools", "math", "os", "sys"}
    assert imported <= {*standard, "torch", "PIL", "safetensors"}
    checks = ["--isolated", "--select", "E4,E7,E9,F,I", "--line-length", "100"]
    finished = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *checks, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


@needs_torch
def test_it_classifies_a_picture_as_ours_does(tmp_path):
    import cv2

    model, kwargs = "resnet50_v1b_askc", {"fusion": "ASKCFuse", "classes": 6}
    path = str(tmp_path / "p.params")
    mx.random.seed(0)
    net = aff.get_model(model, ctx=mx.cpu(), **kwargs)
    save_parameters(net, path)
    source = describe_source("photo-net", model, kwargs, path, input_size=64)
    export_network(lambda: net, source, "pytorch", str(tmp_path), check=False)
    rng = np.random.default_rng(0)
    pixels = cv2.resize(rng.integers(0, 256, (9, 12, 3)).astype(np.uint8), (133, 101))
    cv2.imwrite(str(tmp_path / "picture.png"), pixels)
    finished = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(tmp_path / "photo_net.py"), "picture.png"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    shown = [line.split() for line in finished.stdout.splitlines()[1:]]
    view = central_view(pixels[..., ::-1], 64, 0.875).transpose(2, 0, 1)[None]
    ours = mx.nd.softmax(net(mx.nd.array(view))).asnumpy()[0]
    assert [line[3] for line in shown] == [str(index) for index in np.argsort(-ours)[:5]]
    for line in shown:
        assert abs(float(line[0]) / 100 - ours[int(line[3])]) < 0.005


@needs_torch
def test_pictures_that_cannot_be_read_are_named_and_passed_over(exported):
    from PIL import Image

    _, _, folder = exported
    (folder / "text.png").write_text("no picture")
    Image.new("I;16", (9, 9)).save(folder / "deep.png")
    Image.new("CMYK", (40, 30)).save(folder / "good.jpg")
    pictures = ["none.png", "text.png", "deep.png", "good.jpg"]
    finished = subprocess.run(
        [sys.executable, f"{SMALL}.py", "--topk", "3", *pictures],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert finished.returncode == 1
    assert [line.split(":")[0] for line in finished.stderr.splitlines()] == pictures[:3]
    assert finished.stdout.splitlines()[0] == "good.jpg"
    assert len(finished.stdout.splitlines()) == 4


@needs_torch
def test_it_trains_under_autocast(exported):
    """Half precision around float32 parameters, as people train today."""
    import torch

    _, _, folder = exported
    net = load_script(str(folder / f"{SMALL}.py")).create(pretrained=False, classes=3).train()
    before = net.features[2][0].resfwd[0].running_var.clone()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = net(torch.randn(4, 3, 32, 32)).square().mean()
    loss.backward()
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)
    after = net.features[2][0].resfwd[0]
    assert not torch.equal(after.running_var, before) and after.num_batches_tracked == 1


@needs_torch
@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=[] if key in QUICK else pytest.mark.slow) for key in FAMILIES],
)
def test_a_training_step_is_the_same(key, tmp_path):
    """Loss, gradients and running statistics of one batch, in float64."""
    import torch

    build, source = exportable(key, tmp_path)
    size, classes = source.input_size, source.kwargs["classes"]
    write_safetensors(str(tmp_path / "it.safetensors"), parameter_arrays(build()), source)
    theirs = torch_network(str(tmp_path / "it.safetensors"), source.model, source.kwargs)
    theirs = theirs.double().train()
    ours = build()
    ours.cast("float64")
    rng = np.random.default_rng(0)
    sides = (size, size) if source.per_pixel else ()
    x, labels = rng.normal(size=(4, 3, size, size)), rng.integers(classes, size=(4, *sides))
    with autograd.record():
        losses = SoftmaxCrossEntropyLoss(axis=1)(
            ours(mx.nd.array(x, dtype="float64")), mx.nd.array(labels)
        )
        loss = losses.mean()
    loss.backward()
    other = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
    other.backward()
    assert abs(float(loss.asscalar()) - other.item()) < 1e-9
    state, gradients = theirs.state_dict(), dict(theirs.named_parameters())
    keys = torch_names(list(ours._collect_params_with_prefix()))
    for name, parameter in ours._collect_params_with_prefix().items():
        if parameter.grad_req != "null":
            found, expected = gradients[keys[name]].grad, parameter.grad()
        elif name.startswith("features.0.running") and key in (SMALL, FAMILIES[5]):
            continue  # on a CPU mxnet leaves the statistics of this one as they were
        else:
            found, expected = state[keys[name]], parameter.data()
        expected = expected.asnumpy()
        scale = max(np.abs(expected).max(), 1e-3)
        # running statistics: mxnet's momentum is a float32's 0.9
        bound = 1e-6 if "running" in name else 1e-7
        assert np.abs(found.numpy() - expected).max() / scale < bound, name


@needs_torch
def test_parameters_come_back_bit_for_bit(exported, tmp_path):
    """By way of a module's state dict, with PyTorch's own counters in it."""
    import torch
    from safetensors.torch import save_file

    build, source, folder = exported
    net = load_script(str(folder / f"{SMALL}.py")).create()
    with torch.no_grad():
        for tensor in net.parameters():
            if tensor.requires_grad:
                tensor.add_(torch.randn_like(tensor) * 0.01)
    save_file(net.state_dict(), str(tmp_path / "trained.safetensors"))
    path = from_pytorch(str(tmp_path / "trained.safetensors"), source, str(tmp_path / "back"))
    ours = mx.nd.load(path)
    keys = torch_names(list(ours))
    for name, array in ours.items():
        np.testing.assert_array_equal(array.asnumpy(), net.state_dict()[keys[name]].numpy())
    assert describe(path)["network"] == {"name": source.model, "kwargs": source.kwargs}
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    again = build()
    aff.load_parameters(again, path)
    with torch.no_grad():
        expected = net(torch.tensor(x)).numpy()
    np.testing.assert_allclose(again(mx.nd.array(x)).asnumpy(), expected, rtol=1e-4, atol=1e-4)


def test_exported_and_taken_back_is_the_same_file(exported):
    _, source, folder = exported
    path = from_pytorch(str(folder / f"{SMALL}.safetensors"), source, str(folder / "back"))
    with open(path, "rb") as back, open(source.params, "rb") as before:
        assert back.read() == before.read()


def test_parameters_of_another_network_are_named(exported):
    _, source, folder = exported
    other = {**source.kwargs, "fusion": "SEFuse"}
    wrong = describe_source("it", source.model, other, source.params)
    with pytest.raises(aff.InputError, match="left over: .*local_att"):
        from_pytorch(str(folder / f"{SMALL}.safetensors"), wrong, str(folder / "back"))
    assert not (folder / "back").exists()


@pytest.mark.parametrize(
    "dtype, value, said",
    [("int32", 1, "int32 values"), ("float64", 1e300, "too large for float32")],
)
def test_values_that_are_no_parameters_are_refused(dtype, value, said, exported, tmp_path):
    from safetensors.numpy import load_file, save_file

    _, source, folder = exported
    tensors = load_file(str(folder / f"{SMALL}.safetensors"))
    name = next(iter(tensors))
    tensors[name] = np.full(tensors[name].shape, value, dtype)
    save_file(tensors, str(tmp_path / "it.safetensors"))
    with pytest.raises(aff.InputError, match=f"it.safetensors: .*{said}"):
        from_pytorch(str(tmp_path / "it.safetensors"), source, str(tmp_path / "back"))
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("content", [b"", b"12345678{}", b"\xff" * 64, b"\x02" + b"\0" * 7 + b"[]"])
def test_damaged_safetensors_are_refused(content, tmp_path, exported):
    path = tmp_path / "it.safetensors"
    path.write_bytes(content)
    with pytest.raises(aff.InputError, match="it.safetensors"):
        describe(str(path))
    with pytest.raises(aff.InputError, match="it.safetensors"):
        from_pytorch(str(path), exported[1], str(tmp_path / "back"))


@needs_torch
def test_fresh_networks_start_as_ours_do(tmp_path):
    """The spread of the weights of each layer, and the last gammas."""
    _, source = exportable("resnet50_v1b_ASKCFuse", tmp_path)
    (tmp_path / "it.py").write_text(torch_source(source))
    net = load_script(str(tmp_path / "it.py")).create(pretrained=False, last_gamma=True)
    mx.random.seed(0)
    ours = aff.get_model(source.model, ctx=mx.cpu(), last_gamma=True, **source.kwargs)
    state = net.state_dict()
    keys = torch_names(list(ours._collect_params_with_prefix()))
    for name, parameter in ours._collect_params_with_prefix().items():
        mine, theirs = parameter.data().asnumpy(), state[keys[name]].numpy()
        if mine.size > 1e4:
            assert abs(theirs.std() / mine.std() - 1) < 0.1, name
        elif not name.endswith("weight"):
            np.testing.assert_array_equal(theirs, mine, err_msg=name)


def test_the_template_has_our_fusions():
    from aff.export.pytorch_file import _fusions
    from aff.nn.reference import REFERENCE

    assert set(_fusions()) == set(REFERENCE)
