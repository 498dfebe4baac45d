"""`aff export`, and `aff evaluate` of what came out: the networks of params/, a run's own, and what
is refused.
"""

import json
import os
import re
from functools import lru_cache

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.data.datasets import load_dataset
from aff.data.datasets.fashion_mnist import DEBIAN_FOLDER
from aff.data.transforms import normalize
from aff.export.networks import open_exported
from aff.models.records import WEIGHTS
from aff.utils.json_file import read_json

from ..conftest import ROOT
from ..export.networks import needs_torch
from .conftest import exit_code, train

OWN = [name for name, record in WEIGHTS.items() if record.ours]
SUFFIX = {"pytorch": ".safetensors", "onnx": ".onnx", "symbol": "-symbol.json"}
TARGETS = [pytest.param("pytorch", marks=needs_torch), "onnx", "symbol"]
#: A logit's distance from the largest, as a part of it, below which rounding may choose the class.
TIE = 1e-4


def export(name, target, *more):
    """Export one of our networks into the current folder; the file."""
    root = os.path.join(ROOT, "params")
    code = exit_code(["export", name, "--root", root, "--to", target, "--out", "out", *more])
    assert code == 0
    return os.path.join("out", f"{name}{SUFFIX[target]}")


@lru_cache(maxsize=None)
def images(whole):
    """Normalised images, and their labels: all of Fashion-MNIST's test part, or noise."""
    if whole:
        data = load_dataset("fashion-mnist", DEBIAN_FOLDER)
        return normalize(data.test.images, data.mean, data.std), data.test.labels
    pixels = np.random.default_rng(0).integers(0, 256, (250, 1, 28, 28)).astype(np.uint8)
    return normalize(pixels, (0.2860,), (0.3530,)), None


def logits_of(compute, data):
    """What a network makes of images, in batches."""
    return np.concatenate([compute(part) for part in np.array_split(data, -(-len(data) // 250))])


@lru_cache(maxsize=None)
def ours(name, whole):
    """Our logits."""
    net = aff.get_model(name, pretrained=True, root=os.path.join(ROOT, "params"))
    net.hybridize(static_alloc=True)
    return logits_of(lambda part: net(mx.nd.array(part)).asnumpy(), images(whole)[0])


def same_classes(name, target, whole):
    """Hold the classes that an exported network finds to ours, image by image; gives them."""
    path, record = export(name, target), WEIGHTS[name]
    expected = ours(name, whole)
    found = logits_of(open_exported(path, record.model, record.kwargs), images(whole)[0])
    first, second = -np.sort(-expected, axis=1)[:, :2].T
    clear = first - second > TIE * np.abs(first)
    np.testing.assert_array_equal(expected.argmax(1)[clear], found.argmax(1)[clear])
    assert clear.mean() > 0.99
    return found.argmax(1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", OWN)
def test_our_networks_find_the_same_classes_in_noise(name, target, elsewhere):
    same_classes(name, target, whole=False)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir(DEBIAN_FOLDER), reason="needs Fashion-MNIST, which is real")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", OWN)
def test_errors_of_exported_networks_are_ours(name, target, elsewhere, capsys):
    """Over all 10,000 images: each image's class; and of the first the figure that `aff evaluate`
    prints.
    """
    wrong = int((same_classes(name, target, whole=True) != images(True)[1]).sum())
    assert abs(wrong - round(1e4 * WEIGHTS[name].value)) <= 2
    if name == OWN[0]:
        capsys.readouterr()
        path = os.path.join("out", f"{name}{SUFFIX[target]}")
        assert exit_code(["evaluate", path, "--data-dir", DEBIAN_FOLDER]) == 0
        out = capsys.readouterr().out
        assert f"{wrong} of 10000 wrong" in out and "run by" in out


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on digits; its folder and its top-1 count."""
    folder = tmp_path_factory.mktemp("run")
    before = os.getcwd()
    os.chdir(folder)
    try:
        flags = "--dataset digits --blocks 1 --channel-times 1 --fusion SKFuse --cpus 1 --seed 1"
        assert train(f"{flags} --num-epochs 1 --batch-size 64 --save-dir params/my-digits") == 0
    finally:
        os.chdir(before)
    return folder


def count_of(text):
    return re.search(r"(\d+) of (\d+) wrong", text).groups()


@pytest.mark.parametrize("target", TARGETS)
def test_a_run_is_exported_and_evaluated(target, run, monkeypatch, capsys):
    monkeypatch.chdir(run)
    best = "params/my-digits/best.params"
    assert exit_code(["evaluate", "--params", best]) == 0
    expected = count_of(capsys.readouterr().out)
    assert exit_code(["export", "--params", best, "--to", target, "--out", target]) == 0
    out = capsys.readouterr().out
    assert re.search(r"checked: 16 inputs \(test images of digits\): .* passed", out)
    path = f"{target}/my_digits{SUFFIX[target]}"  # a name that Python can import
    assert f"wrote {path}" in out
    assert exit_code(["evaluate", path]) == 0
    assert count_of(capsys.readouterr().out) == expected
    said = json.loads((run / target / "export.json").read_text())["files"]
    assert said[f"my_digits{SUFFIX[target]}"]["class_names"] == list("0123456789")


def test_pytorch_parameters_are_taken_back(run, monkeypatch, capsys):
    monkeypatch.chdir(run)
    best = "params/my-digits/best.params"
    argv = ["export", "--params", best, "--to", "pytorch", "--no-check", "--out", "there"]
    assert exit_code(argv) == 0
    argv = ["export", "--from", "pytorch", "there/my_digits.safetensors", "--out", "back"]
    assert exit_code(argv) == 0
    assert "evaluate --params back/my_digits.params" in capsys.readouterr().out
    assert (run / "back" / "my_digits.params").read_bytes() == (run / best).read_bytes()
    assert exit_code(["evaluate", "--params", "back/my_digits.params"]) == 0
    assert exit_code(argv) == 0  # over its own
    (run / "other").mkdir()
    (run / "other" / "my_digits.params").write_bytes(b"mine")
    assert exit_code([*argv[:-1], "other"]) == 2
    assert "other/my_digits.params: is there already" in capsys.readouterr().err
    assert (run / "other" / "my_digits.params").read_bytes() == b"mine"


def test_a_file_without_settings_needs_the_network_and_no_data(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "plain.params").write_bytes(
        (run / "params" / "my-digits" / "best.params").read_bytes()
    )
    monkeypatch.chdir(tmp_path)
    argv = ["export", "--params", "plain.params", "--to", "symbol"]
    assert exit_code(argv) == 2
    assert "--model" in capsys.readouterr().err
    network = ["--model", "resnet", "--blocks", 1, "--channel-times", 1, "--fusion", "SKFuse"]
    assert exit_code([*argv, *network]) == 0
    said = read_json("exports/export.json")["files"]["plain-symbol.json"]
    assert said["data"]["dataset"] is None and said["network"]["kwargs"]["classes"] == 10


@pytest.mark.parametrize(
    "argv, named",
    [
        (["nothing"], "--to"),
        (["--to", "onnx"], "--params FILE"),
        (["aff_resnet99", "--to", "onnx"], "aff_resnet99"),
        (["--params", "none.params", "--to", "onnx"], "none.params"),
        (["--from", "pytorch", "x.safetensors", "--input-size", "9"], "takes a file NAME"),
        (["--from", "pytorch", "it.params"], "NAME.safetensors"),
        (["--from", "pytorch", "none.safetensors"], "none.safetensors"),
        (["fashion_mnist_aff_resnet8", "--to", "onnx", "--opset", "3"], "--opset 3"),
        (["fashion_mnist_aff_resnet8", "--to", "onnx", "--model", "resnet"], "network's flags"),
    ],
)
def test_what_is_wrong_is_named(argv, named, elsewhere, capsys):
    if "fashion_mnist_aff_resnet8" in argv:
        argv = [*argv, "--root", os.path.join(ROOT, "params")]
    assert exit_code(["export", *argv]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", ["it.onnx", "it.safetensors", "it-symbol.json"])
def test_files_that_cannot_be_evaluated_are_named(name, elsewhere, capsys):
    network = ["--model", "resnet", "--blocks", 1, "--dataset", "digits"]
    assert exit_code(["evaluate", name, *network]) == 2
    assert name in capsys.readouterr().err
    (elsewhere / name).write_bytes(b"nothing of the kind")
    (elsewhere / "it-0000.params").write_bytes(b"")
    assert exit_code(["evaluate", name, *network]) == 2
    error = capsys.readouterr().err
    assert name in error and error.count("\n") == 1


def test_an_exported_file_says_which_network_it_is(run, monkeypatch, capsys):
    monkeypatch.chdir(run)
    best = "params/my-digits/best.params"
    for target in ("onnx", "symbol"):
        assert exit_code(["export", "--params", best, "--to", target, "--no-check"]) == 0
    path = "exports/my_digits.onnx"
    for argv, named in (
        ([path, "--fusion", "AFF"], "leave the network's flags out"),
        ([path, "--params", best], "not both"),
        (["exports/export.json"], "is a file"),
    ):
        capsys.readouterr()
        assert exit_code(["evaluate", *argv]) == 2
        assert named in capsys.readouterr().err
    (run / "moved").mkdir(exist_ok=True)
    for name in ("my_digits-symbol.json", "my_digits-0000.params"):
        (run / "moved" / name).write_bytes((run / "exports" / name).read_bytes())
    assert exit_code(["evaluate", "moved/my_digits-symbol.json"]) == 2
    assert "no export.json beside" in capsys.readouterr().err
    content = (run / "exports" / "my_digits-symbol.json").read_bytes()
    (run / "exports" / "my_digits-symbol.json").write_bytes(content[: len(content) // 2])
    assert exit_code(["evaluate", "exports/my_digits-symbol.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@needs_torch
def test_truncated_safetensors_are_refused(run, monkeypatch, capsys):
    monkeypatch.chdir(run)
    argv = ["export", "--params", "params/my-digits/best.params", "--to", "pytorch", "--no-check"]
    assert exit_code(argv) == 0
    path = run / "exports" / "my_digits.safetensors"
    path.write_bytes(path.read_bytes()[:20000])
    capsys.readouterr()
    assert exit_code(["evaluate", "exports/my_digits.safetensors"]) == 2
    error = capsys.readouterr().err
    assert "damaged" in error and error.count("\n") == 1


def test_exported_networks_are_not_for_cam(run, monkeypatch, capsys):
    monkeypatch.chdir(run)
    argv = ["export", "--params", "params/my-digits/best.params", "--to", "onnx", "--no-check"]
    assert exit_code(argv) == 0
    assert exit_code(["cam", "--params", "exports/my_digits.onnx", "--index", 0]) == 2
    assert "another runtime" in capsys.readouterr().err


def test_vectors_are_written(elsewhere, capsys):
    assert exit_code(["vectors", "out"]) == 0
    assert "wrote 19 files" in capsys.readouterr().out
    assert len(os.listdir("out")) == 19


@needs_torch
def test_runtimes_are_timed_side_by_side(elsewhere, capsys, monkeypatch):
    from functools import partial

    from aff.bench import runtimes
    from aff.bench.timing import interleaved

    monkeypatch.setattr(runtimes, "interleaved", partial(interleaved, seconds=0))
    flags = ["--input-size", 8, "--rounds", 1, "--fusions", "iAFF", "--json", "it.json"]
    assert exit_code(["bench", "cifar_resnet8_askc", "--runtimes", *flags]) == 0
    out = capsys.readouterr().out
    rates = read_json("it.json")["networks"]["cifar_resnet8_askc"]["runtimes"]
    assert set(rates) == {"1", "32"}
    for found in rates.values():
        assert set(found) == {
            *("mxnet", "mxnet, optimized", "onnxruntime", "PyTorch", "PyTorch, channels_last")
        }
        assert min(found.values()) > 0
    assert "fastest here:" in out and "loaders" not in out
