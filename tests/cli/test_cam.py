"""Pictures of attention: on data-set images and on photographs, for one network and several."""

import re

import cv2
import mxnet as mx
import numpy as np
import pytest

import aff
from aff.cli.main import main
from aff.data import load_dataset

from .conftest import QUICK, train


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Parameters of an AFF and of an Add network for the digits."""
    root = tmp_path_factory.mktemp("runs")
    for fusion in ("ASKCFuse", "DirectAdd"):
        flags = f"--num-epochs 1 --batch-size 64 --val-split 0.9 --fusion {fusion}"
        folders = f"--save-dir {root / fusion} --logging-dir {root / 'logs' / fusion}"
        assert train(f"{QUICK} {flags} {folders}") == 0
    return root


@pytest.fixture(scope="module")
def iaff(photos, tmp_path_factory):
    """Parameters of an ImageNet network."""
    path = tmp_path_factory.mktemp("iaff") / "net.params"
    net = aff.get_model("photo_resnet8", fusion="iAFF", ctx=mx.cpu())
    net.save_parameters(str(path))
    return path


@pytest.fixture
def photograph(elsewhere, iaff):
    """A JPEG, and parameters of an ImageNet network."""
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    cv2.imwrite(str(elsewhere / "dog.jpg"), pixels)
    (elsewhere / "net.params").symlink_to(iaff)
    return elsewhere


FLAGS = ["--model", "photo_resnet8", "--fusion", "iAFF", "--dataset", "imagenet"]
FLAGS += ["--input-size", "64"]


def test_networks_side_by_side(runs, elsewhere, capsys):
    params = [str(runs / fusion / "best.params") for fusion in ("DirectAdd", "ASKCFuse")]
    assert main(["cam", "--params", *params, "--index", "0", "7", "--out", "a.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("digits 0: Add (")
    assert lines[3].startswith("digits 7: AFF (")
    assert lines[4] == "wrote a.png"
    picture = cv2.imread("a.png")
    height, width = picture.shape[:2]
    assert width > 1.2 * height  # an image, two Grad-CAMs and a weight: 4 by 2, and the bars


def test_a_photograph(photograph, capsys):
    assert main(["cam", "dog.jpg", "--params", "net.params", *FLAGS, "--class", "5"]) == 0
    out = capsys.readouterr().out
    assert "dog.jpg: iAFF (net.params): class 5 (electric ray), " in out
    assert (photograph / "cam.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_network_of_fifty_layers(photograph, capsys):
    net = aff.get_model("resnet50_v1b_askc", fusion="iAFF", ctx=mx.cpu())
    net.save_parameters("fifty.params")
    flags = [*FLAGS[2:], "--model", "resnet50_v1b_askc"]
    assert main(["cam", "dog.jpg", "--params", "fifty.params", *flags]) == 0
    assert "iAFF (fifty.params): class " in capsys.readouterr().out


def test_an_image_may_be_named_twice(runs, photograph, capsys):
    params = str(runs / "ASKCFuse" / "best.params")
    assert main(["cam", "--params", params, "--index", "3", "3"]) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == second


def test_a_weight_is_asked_of_networks_that_have_one(runs, elsewhere, capsys):
    params = str(runs / "DirectAdd" / "best.params")
    assert main(["cam", "--params", params, "--index", "0", "--block", "x"]) == 2
    assert "--block x: no fusion of these networks has a weight" in capsys.readouterr().err


def test_a_segmentation_network_sees_whole_images_of_any_size(elsewhere, capsys):
    mx.random.seed(0)
    net = aff.get_model("fpn_cifar_resnet8_askc", fusion="iAFF", classes=4, ctx=mx.cpu())
    net.save_parameters("net.params")
    rng = np.random.default_rng(0)
    for name, sides in (("a.png", (17, 30)), ("b.png", (24, 9))):
        cv2.imwrite(name, rng.integers(0, 256, (*sides, 3), np.uint8))
    flags = ["--params", "net.params", "--model", "fpn_resnet", "--blocks", "1", "--fusion", "iAFF"]
    assert main(["cam", "a.png", "b.png", *flags, "--class", "2", "--out", "it.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines[:2]] == ["a.png: iAFF", "b.png: iAFF"]
    assert all("class 2" in line and line.endswith(" %") for line in lines[:2])
    height, width = cv2.imread("it.png").shape[:2]
    assert width > 1.2 * height  # an image, the class, and two levels: 4 by 2, and the bars
    assert main(["cam", "a.png", *flags, "--block", "decoder.fusions.2"]) == 2
    assert "decoder.fusions.0, decoder.fusions.1" in capsys.readouterr().err
    net.output.bias.set_data(net.output.bias.data() * np.nan)
    net.save_parameters("net.params")
    assert main(["cam", "a.png", *flags]) == 2
    assert "not finite" in capsys.readouterr().err


def test_a_segmentation_network_is_shown_the_image_and_not_its_padding(
    elsewhere, monkeypatch, capsys
):
    mx.random.seed(0)
    net = aff.get_model("fpn_cifar_resnet8_askc", fusion="iAFF", classes=4, ctx=mx.cpu())
    net.save_parameters("net.params")
    pixels = np.random.default_rng(0).integers(0, 256, (17, 30, 3), np.uint8)
    cv2.imwrite("a.png", pixels)
    drawn = []
    monkeypatch.setattr("aff.cli.cam.draw", lambda *given: drawn.append(given))
    flags = ["--model", "fpn_resnet", "--blocks", "1", "--fusion", "iAFF", "--class", "2"]
    assert main(["cam", "a.png", "--params", "net.params", *flags]) == 0
    (((image,), (column,), _),) = drawn
    np.testing.assert_array_equal(image.pixels, pixels[..., ::-1])
    labels = net(mx.nd.array(image.data[None])).asnumpy()[0, :, :17, :30].argmax(axis=0)
    assert column.views[0].probability == pytest.approx((labels == 2).mean())
    assert column.views[0].cam.shape == (17, 30)
    assert {weights.shape for weights in column.views[0].weights.values()} == {(17, 30)}


def test_parameters_that_are_not_finite(photograph, capsys):
    net = aff.get_model("photo_resnet8", fusion="iAFF", ctx=mx.cpu())
    weight = list(net.collect_params(".*weight").values())[-1]
    weight.set_data(weight.data() * np.nan)
    net.save_parameters("nan.params")
    assert main(["cam", "dog.jpg", "--params", "nan.params", *FLAGS]) == 2
    assert "nan.params: the network's outputs are not finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--index", "400"], "--index 400: the last test image is 358"),
        (["--index", "0", "--class", "10"], "--class 10: .* has 10 classes"),
        (["--index", "0", "--block", "x"], "--block x: fusions of this network: features.2.0"),
        (["--index", "0", "--out", "x.jpg"], "ends in .png"),
        (["--index", "0", "--out", "none/x.png"], "there is no folder none"),
        ([], "name images of digits by --index, or give image files"),
    ],
)
def test_mistakes_on_a_data_set(runs, elsewhere, capsys, arguments, message):
    params = str(runs / "ASKCFuse" / "best.params")
    assert main(["cam", "--params", params, *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert re.search(message, errors)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere.jpg"], "nowhere.jpg: cannot be read: no such file"),
        (["net.params"], "net.params: cannot be decoded as an image"),
        (["dog.jpg", "--index", "0"], "give image files, or --index, not both"),
        (["--index", "0"], "is of a network for image files: give it some"),
    ],
)
def test_mistakes_with_photographs(photograph, capsys, arguments, message):
    assert main(["cam", *arguments, "--params", "net.params", *FLAGS]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_small_networks_look_at_image_files_as_they_are_shown_their_own(runs, photograph, capsys):
    digit = load_dataset("digits").test.images[3, 0]
    cv2.imwrite("digit.png", digit)
    params = str(runs / "ASKCFuse" / "best.params")
    assert main(["cam", "digit.png", "--params", params]) == 0
    by_file = capsys.readouterr().out.splitlines()[0].split(": ")[1:]
    assert main(["cam", "--index", "3", "--params", params]) == 0
    assert capsys.readouterr().out.splitlines()[0].split(": ")[1:] == by_file
    assert main(["cam", "dog.jpg", "--params", params, "fashion_mnist_aff_resnet8"]) == 2
    assert "do not see the same images" in capsys.readouterr().err


def test_a_class_is_named_or_numbered(runs, elsewhere, capsys):
    params = str(runs / "ASKCFuse" / "best.params")
    for target, message in (("ten", "unknown class of .*ten"), ("10", "has 10 classes")):
        assert main(["cam", "--params", params, "--index", "0", "--class", target]) == 2
        assert re.search(message, capsys.readouterr().err)
    assert main(["cam", "--params", params, "--index", "0", "--class", "7"]) == 0
    assert "class 7 (7)" in capsys.readouterr().out


def test_what_needs_a_data_set_asks_for_it(runs, photograph, capsys):
    """Of parameters beside which nothing says what they were trained on."""
    (photograph / "own.params").write_bytes((runs / "DirectAdd" / "best.params").read_bytes())
    own = ["cam", "dog.jpg", "--params", "own.params", "--model", "resnet", "--fusion", "Add"]
    own += ["--blocks", "1", "--channel-times", "1"]
    assert main(own) == 0
    for flags in (["--input-size", "64"], ["--labels", "fine"]):
        capsys.readouterr()
        assert main([*own, *flags]) == 2
        said = capsys.readouterr().err
        assert flags[0] in said and "own.params" in said and "--dataset" in said
        assert said.count("\n") == 1
    assert main([*own, "--input-size", "64", "--dataset", "folder"]) == 0
    network = [flag for flag in FLAGS if flag not in ("--dataset", "imagenet")]
    assert main(["cam", "dog.jpg", "--params", "net.params", *network]) == 0


def test_networks_of_one_fusion_are_called_by_their_runs(runs, elsewhere, capsys):
    params = str(runs / "ASKCFuse" / "best.params")
    copy = elsewhere / "mine" / "settings.json"
    copy.parent.mkdir()
    copy.write_bytes((runs / "ASKCFuse" / "settings.json").read_bytes())
    (elsewhere / "mine" / "epoch.params").write_bytes((runs / "ASKCFuse/best.params").read_bytes())
    assert main(["cam", "--params", params, "mine/epoch.params", "--index", "0"]) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("digits 0: AFF, ASKCFuse (")
    assert second.startswith("digits 0: AFF, epoch (")
    for number in (3, 4):
        folder = elsewhere / "mine" / f"checkpoint-000{number}"
        folder.mkdir()
        (folder / "net.params").write_bytes((elsewhere / "mine/epoch.params").read_bytes())
        (folder / "state.json").write_text("{}")
    checkpoints = ["mine/checkpoint-0003", "mine/checkpoint-0004"]
    assert main(["cam", "--params", *checkpoints, "--index", "0"]) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("digits 0: AFF, mine-checkpoint-0003 (")
    assert second.startswith("digits 0: AFF, mine-checkpoint-0004 (")


def test_published_parameters_may_lie_elsewhere(photograph, capsys):
    name = "fashion_mnist_add_resnet8"
    assert main(["cam", "dog.jpg", "--params", name, "--root", "files"]) == 0
    assert "Add (" in capsys.readouterr().out
    assert [path.name for path in (photograph / "files").iterdir()] == [f"{name}.params"]
