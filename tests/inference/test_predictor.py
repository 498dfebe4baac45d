"""`aff.load` and `aff.predict`: against the evaluation's own logits, a NumPy softmax, and the
runtimes of exported files.
"""

import json
import os

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

import aff
from aff.cli.main import main
from aff.data.datasets import load_dataset
from aff.data.loader import EvalLoader
from aff.inference.predictor import Predictor, softmax
from aff.models.parameters import save_parameters

from ..conftest import PHOTOGRAPH, ROOT
from ..export.networks import needs_torch

OWN = "fashion_mnist_aff_resnet8"
PARAMS = os.path.join(ROOT, "params")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on digits."""
    folder = tmp_path_factory.mktemp("run")
    mx.random.seed(0)
    net = aff.get_model("cifar_resnet8_askc", classes=10, ctx=mx.cpu())
    save_parameters(net, str(folder / "best.params"))
    settings = {
        "model": {"name": "cifar_resnet8_askc", "kwargs": {"fusion": "ASKCFuse", "classes": 10}},
        "data": {"dataset": "digits"},
        "class_names": [f"digit {number}" for number in range(10)],
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def published():
    return aff.load(OWN, PARAMS)


def test_what_a_predictor_says_of_itself(published, run):
    assert (published.classes, published.input_size) == (10, 28)
    assert published.class_names[9] == "ankle boot"
    assert published.spec.dataset == "fashion-mnist"
    assert OWN in repr(published) and "known by its name" in repr(published)
    ours = aff.load(str(run))
    assert (ours.input_size, ours.class_names[3]) == (32, "digit 3")


def test_files_of_test_images_give_the_evaluations_logits(run, tmp_path):
    data = load_dataset("digits")
    batch, _ = next(iter(EvalLoader(data, data.test, 12)))
    net = aff.get_model("cifar_resnet8_askc", classes=10, ctx=mx.cpu())
    aff.load_parameters(net, str(run / "best.params"))
    expected = aff.optimize_for_inference(net)(mx.nd.array(batch)).asnumpy()
    paths = [str(tmp_path / f"{number}.png") for number in range(12)]
    for path, image in zip(paths, data.test.images):
        Image.fromarray(image[0]).save(path)
    predictor = aff.load(str(run))
    np.testing.assert_array_equal(predictor(predictor.prepare(paths)), expected)
    found = aff.predict(predictor, paths, topk=1)
    assert [one.label for (one,) in found] == expected.argmax(1).tolist()


def test_probabilities_are_a_softmax_and_sum_to_one(published):
    (found,) = aff.predict(published, [PHOTOGRAPH], topk=100)
    logits = published(published.prepare([PHOTOGRAPH]))[0].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert len(found) == 10
    assert sum(one.probability for one in found) == pytest.approx(1, abs=1e-12)
    assert [one.label for one in found] == np.argsort(-logits).tolist()
    for one in found:
        assert one.probability == pytest.approx(expected[one.label], rel=1e-9)
        assert one.name == published.class_names[one.label]


def test_softmax_of_large_logits_is_finite():
    found = softmax(np.array([[1e30, 0, -1e30], [800, 800, 0]], np.float32))
    np.testing.assert_allclose(found, [[1, 0, 0], [0.5, 0.5, 0]])


def test_one_image_a_list_and_every_kind_of_image(published):
    image = Image.open(PHOTOGRAPH)
    pixels = np.asarray(image)
    one = aff.predict(published, PHOTOGRAPH, topk=2)
    several = published.predict([PHOTOGRAPH, image, pixels], topk=2)
    assert len(one) == 2 and len(several) == 3
    assert several[0] == several[1] == several[2]
    for mine, theirs in zip(one, several[0]):  # a batch of another size may round otherwise
        assert mine.label == theirs.label
        assert mine.probability == pytest.approx(theirs.probability, rel=1e-4)
    assert published.predict([]) == []


def test_more_images_than_a_batch(run):
    predictor = aff.load(str(run))
    images = list(np.random.default_rng(0).integers(0, 256, (70, 32, 32)).astype(np.uint8))
    found = predictor.predict(images, topk=10)
    alone = [predictor.predict(image, topk=10) for image in images]
    for batch, single in zip(found, alone):
        assert [p.label for p in batch] == [p.label for p in single]


def test_features_lead_to_the_logits(published):
    net = aff.get_model(OWN, pretrained=True, root=PARAMS)
    x = published.prepare([PHOTOGRAPH, np.zeros((28, 28), np.uint8)])
    vectors = published.features(x)
    assert vectors.shape == (2, 64) and vectors.dtype == np.float32
    logits = net.output(mx.nd.array(vectors)).asnumpy()
    np.testing.assert_allclose(logits, published(x), rtol=1e-3, atol=1e-3)


def test_several_devices_share_a_batch(published):
    two = aff.load(OWN, PARAMS, [mx.cpu(0), mx.cpu(1)])
    x = published.prepare([PHOTOGRAPH] * 3)
    np.testing.assert_allclose(two(mx.nd.array(x)), published(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "target, suffix",
    [
        ("onnx", ".onnx"),
        ("symbol", "-symbol.json"),
        pytest.param("pytorch", ".safetensors", marks=needs_torch),
    ],
)
def test_exported_files_run_in_their_runtime(target, suffix, run, tmp_path):
    argv = ["export", str(run), "--to", target, "--no-check", "--out", str(tmp_path)]
    assert main(argv) == 0
    (path,) = tmp_path.glob(f"*{suffix}")
    exported, ours = aff.load(str(path)), aff.load(str(run))
    assert exported.class_names == ours.class_names and exported.view == ours.view
    x = ours.prepare(list(load_dataset("digits").test.images[:5, 0]))
    np.testing.assert_allclose(exported(x), ours(x), rtol=1e-3, atol=1e-4)
    with pytest.raises(aff.InputError, match=r"exported network gives logits alone.*\.params"):
        exported.features(x)


def test_an_onnx_file_is_run_by_onnxruntime(run, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    assert main(["export", str(run), "--to", "onnx", "--no-check", "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.onnx")
    predictor = aff.load(str(path))
    x = predictor.prepare([PHOTOGRAPH])
    (theirs,) = runtime.InferenceSession(str(path)).run(None, {"data": x})
    np.testing.assert_allclose(predictor(x), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "x", [np.zeros((3, 28, 28)), np.zeros((1, 28, 28, 3)), np.zeros((0, 3, 8, 8))]
)
def test_what_is_no_prepared_batch(published, x):
    with pytest.raises(aff.InputError, match=r"\(N, 3, H, W\)"):
        published(x)


def test_mistakes_are_one_line(published, run, tmp_path):
    (tmp_path / "export.json").write_text('{"files": {"a.params": {"x": 1}, "b.params": [1]}}')
    for name in ("a.params", "b.params"):
        (tmp_path / name).write_bytes((run / "best.params").read_bytes())
    damaged = {"network": {"name": "cifar_resnet8_askc", "kwargs": {}}, "data": {}, "input": {}}
    for call in (
        lambda: aff.load("nothing"),
        lambda: aff.load(str(tmp_path)),
        lambda: aff.load(str(tmp_path / "a.params")),
        lambda: aff.load(str(tmp_path / "b.params")),
        lambda: aff.load(str(run), root="x"),
        lambda: aff.predict(published, "nothing.jpg"),
        lambda: aff.predict(published, PHOTOGRAPH, topk=0),
        lambda: aff.predict(aff.get_model("cifar_resnet8_askc"), PHOTOGRAPH),
    ):
        with pytest.raises(aff.InputError) as error:
            call()
        assert "\n" not in str(error.value)
    (tmp_path / "export.json").write_text(json.dumps({"files": {"a.params": damaged}}))
    with pytest.raises(aff.InputError):
        aff.load(str(tmp_path / "a.params"))


def test_outputs_that_are_not_finite(run, tmp_path):
    net = aff.get_model("cifar_resnet8_askc", classes=10, ctx=mx.cpu())
    net.output.weight.set_data(net.output.weight.data() * np.nan)
    save_parameters(net, str(tmp_path / "best.params"))
    (tmp_path / "settings.json").write_text((run / "settings.json").read_text())
    with pytest.raises(aff.InputError, match="not finite"):
        aff.load(str(tmp_path)).predict(PHOTOGRAPH)


def test_the_public_names_are_there():
    assert isinstance(aff.load(OWN, PARAMS), Predictor)
    assert {"load", "predict"} <= set(aff.__all__)
