"""Every network comes out of mxnet as what it is, in every form; and what goes wrong leaves nothing
behind.
"""

import hashlib
import json
import sys
from pathlib import Path

import mxnet as mx
import pytest
from mxnet.gluon import HybridBlock

import aff
from aff.export import write
from aff.export.networks import EXPORTS, is_exported, open_exported
from aff.export.source import describe_source
from aff.export.write import Options, export_network
from aff.models.parameters import save_parameters
from aff.nn.fusion import _FUSIONS
from aff.utils.errors import InputError, RunError

from .. import conditioned
from .networks import SMALL, exportable, needs_torch, torch_is_here

TARGETS = [pytest.param("pytorch", marks=needs_torch), "onnx", "symbol"]
SMALLEST = ("cifar_resnet14", "cifar_inc", "fpn_", "unet_")
QUICK = [key for key in conditioned.NETWORKS if key.startswith(SMALLEST)]
LARGE = sorted(set(conditioned.NETWORKS) - set(QUICK))
#: As parts of the largest logit; seen: up to 6e-7 and, over fifty layers, 3e-6.
CLOSE = 1e-5


def assert_same(key, target, folder):
    build, source = exportable(key, folder)
    paths, check = export_network(build, source, target, str(folder / "out"))
    assert check.passed and check.relative < CLOSE and check.compared_in == "float32"
    assert check.images == 16
    assert check.agreement == 1
    assert all(Path(path).stat().st_size for path in paths)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("key", QUICK)
def test_every_fusion_computes_the_same(key, target, tmp_path):
    assert_same(key, target, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(LARGE)), ids=LARGE)
def test_every_network_computes_the_same(number, tmp_path):
    """Each in one of two forms, in turns."""
    assert_same(LARGE[number], "onnx" if number % 2 or not torch_is_here() else "pytorch", tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_a_resnext_with_everything_computes_the_same(target, tmp_path):
    kwargs = {"fusion": "ResGlobLocaforGlobLocaCha", "classes": 7, "use_se": True}
    kwargs = {**kwargs, "deep_stem": True, "avg_down": True}
    model, path = "cifar_resnext11_32x4d_askc", str(tmp_path / "p.params")
    save_parameters(aff.get_model(model, ctx=mx.cpu(), **kwargs), path)

    def build():
        net = aff.get_model(model, ctx=mx.cpu(), **kwargs)
        aff.load_parameters(net, path)
        return net

    source = describe_source("it", model, kwargs, path, input_size=31)
    _, check = export_network(build, source, target, str(tmp_path / "out"))
    assert check.relative < CLOSE


def test_what_is_said_of_exports(tmp_path):
    build, source = exportable(SMALL, tmp_path)
    out = tmp_path / "out"
    export_network(build, source, "onnx", str(out), Options(opset=17))
    export_network(build, source, "symbol", str(out))
    said = json.loads((out / EXPORTS).read_text())["files"]
    assert set(said) == {f"{SMALL}.onnx", f"{SMALL}-symbol.json"}  # the first was kept
    onnx = said[f"{SMALL}.onnx"]
    assert onnx["opset"] == 17 and onnx["check"]["passed"] and onnx["versions"]["onnx"]
    assert onnx["network"] == {"name": source.model, "kwargs": source.kwargs}
    parameters = hashlib.sha256(Path(source.params).read_bytes()).hexdigest()
    assert onnx["parameters"]["sha256"] == parameters
    for entry in said.values():
        for name, digest in entry["sha256"].items():
            assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [EXPORTS, f"{SMALL}.onnx", f"{SMALL}-symbol.json", f"{SMALL}-0000.params"]
    )


def test_a_network_that_differs_is_not_written(tmp_path, monkeypatch):
    build, source = exportable(SMALL, tmp_path)
    opened = write.open_symbol
    monkeypatch.setattr(write, "open_symbol", lambda path: lambda x: opened(path)(x) * 1.001)
    with pytest.raises(RunError, match="FAILED; nothing was written"):
        export_network(build, source, "symbol", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    _, check = export_network(build, source, "symbol", str(tmp_path / "out"), check=False)
    assert check is None


def test_files_of_others_are_left_alone(tmp_path):
    build, source = exportable(SMALL, tmp_path)
    script = tmp_path / f"{SMALL}.py"
    script.write_text("of the user's")
    for _ in range(2):
        with pytest.raises(InputError, match=f"{SMALL}.py: is there already, and was not made by"):
            export_network(build, source, "pytorch", str(tmp_path), check=False)
        assert script.read_text() == "of the user's"
        assert not (tmp_path / f"{SMALL}.safetensors").exists()
    script.unlink()
    for _ in range(2):  # over its own
        export_network(build, source, "pytorch", str(tmp_path), check=False)


@pytest.mark.parametrize(
    "target, options, named",
    [
        ("symbol", Options(float16=True), "float16"),
        ("pytorch", Options(preprocessing=True), "with_preprocessing"),
        ("symbol", Options(opset=17), "opset"),
        ("onnx", Options(opset=12), "opset"),
        ("onnx", Options(opset=99), "opset"),
    ],
)
def test_what_a_target_cannot_is_refused(target, options, named, tmp_path):
    build, source = exportable(SMALL, tmp_path)
    with pytest.raises(InputError, match=named):
        export_network(build, source, target, str(tmp_path / "out"), options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "missing, target",
    [("onnx", "onnx"), ("onnxruntime", "onnx"), ("safetensors.numpy", "pytorch")],
)
def test_a_missing_library_is_named_with_its_extra(missing, target, tmp_path, monkeypatch):
    build, source = exportable(SMALL, tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=rf"^{missing.split('.')[0]} is needed .*\[export\]"):
        export_network(build, source, target, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def half_sum():
    """A fusion from outside."""

    @aff.register_fusion("HalfSum")
    class HalfSum(HybridBlock):
        def __init__(self, channels, r, norm):
            super().__init__()

        def hybrid_forward(self, F, x, residual):
            return 0.5 * (x + residual)

    yield "HalfSum"
    del _FUSIONS["HalfSum"]


def test_a_fusion_from_outside_goes_to_onnx_and_not_to_pytorch(half_sum, tmp_path):
    model, kwargs = "cifar_resnet8_askc", {"fusion": half_sum, "classes": 4}
    path = str(tmp_path / "p.params")
    save_parameters(aff.get_model(model, ctx=mx.cpu(), **kwargs), path)

    def build():
        net = aff.get_model(model, ctx=mx.cpu(), **kwargs)
        aff.load_parameters(net, path)
        return net

    source = describe_source("it", model, kwargs, path)
    paths, check = export_network(build, source, "onnx", str(tmp_path / "out"))
    assert check.passed and is_exported(paths[0])
    assert open_exported(paths[0], model, kwargs)(check_input()).shape == (2, 4)
    with pytest.raises(InputError, match="HalfSum has no PyTorch form"):
        export_network(build, source, "pytorch", str(tmp_path / "out"))


def check_input():
    return mx.nd.random.normal(shape=(2, 3, 32, 32)).asnumpy()


def test_exports_into_one_folder_at_once(tmp_path):
    """Neither takes the other's files for left-overs, and both are listed."""
    from concurrent.futures import ThreadPoolExecutor

    build, source = exportable(SMALL, tmp_path)
    out = str(tmp_path / "out")
    with write.folder_for_files(out), write._beside(out) as other:
        export_network(build, source, "symbol", out, check=False)
        assert Path(other).is_dir()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: write.keep_entries(out, {f"{n}.onnx": {}}), range(20)))
    assert len(write.read_entries(out)) == 21
    assert not [path for path in Path(out).iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("content", ["{broken", "[]", '{"files": 3}'])
def test_a_damaged_list_is_named_before_anything_is_written(content, tmp_path):
    build, source = exportable(SMALL, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / EXPORTS).write_text(content)
    with pytest.raises(InputError, match=EXPORTS):
        export_network(build, source, "symbol", str(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [EXPORTS]


def test_a_folder_in_the_way_is_named_before_anything_is_written(tmp_path):
    build, source = exportable(SMALL, tmp_path)
    (tmp_path / "out" / f"{SMALL}-0000.params").mkdir(parents=True)
    with pytest.raises(InputError, match="is a folder"):
        export_network(build, source, "symbol", str(tmp_path / "out"), check=False)
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("out", ["a.file", "a.file/sub", "/proc/none"])
def test_what_is_no_folder_is_named(out, tmp_path):
    build, source = exportable(SMALL, tmp_path)
    (tmp_path / "a.file").write_text("kept")
    with pytest.raises(InputError, match="files cannot go there"):
        export_network(build, source, "symbol", str(tmp_path / out))
    assert (tmp_path / "a.file").read_text() == "kept"


def test_folders_that_were_made_for_nothing_go_again(tmp_path):
    build, source = exportable(SMALL, tmp_path)
    with pytest.raises(InputError):
        export_network(build, source, "onnx", str(tmp_path / "a" / "b"), Options(opset=99))
    assert not (tmp_path / "a").exists()
