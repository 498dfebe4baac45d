"""What the PyTorch file makes of images is what evaluation makes of them."""

import ast

import numpy as np
import pytest
from PIL import Image

from aff.data.image_file import read_image
from aff.export.pytorch_file import torch_source
from aff.export.source import describe_source
from aff.export.write import load_script
from aff.inference.view import View, WholeView

from .networks import needs_torch

MODELS = {"imagenet": "resnet50_v1b_askc", "masks": "fpn_cifar_resnet8_askc"}


def described(dataset, folder, **more):
    """A network for a data set, described."""
    (folder / "it.params").write_bytes(b"")
    model = MODELS.get(dataset, "cifar_resnet8_askc")
    kwargs = {"fusion": "ASKCFuse", "classes": 10}
    return describe_source("it", model, kwargs, str(folder / "it.params"), dataset, **more)


def exported(dataset, folder):
    """A network for a data set, described; and the module of its PyTorch file."""
    source = described(dataset, folder)
    (folder / "it.py").write_text(torch_source(source))
    return source, load_script(str(folder / "it.py"))


def painted(mode, size, folder):
    """A file of a smooth picture with a little noise, partly transparent where it can be."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 7, 4)).astype(np.uint8), "RGBA")
    image = small.resize(size, Image.BICUBIC).convert("RGB" if mode == "P" else mode)
    path = folder / "picture.png"
    if mode == "P":
        image.quantize(64).save(path, transparency=0)
    else:
        image.save(path)
    return str(path)


@needs_torch
@pytest.mark.parametrize("dataset", ["cifar10", "digits", "imagenet"])
@pytest.mark.parametrize(
    "mode, size",
    [
        ("RGB", (100, 75)),
        ("RGB", (64, 96)),
        ("RGB", (32, 40)),
        ("RGB", (20, 31)),
        ("RGBA", (100, 75)),
        ("LA", (50, 47)),
        ("P", (40, 61)),
        ("L", (333, 410)),
    ],
)
def test_a_picture_becomes_what_evaluation_makes_of_it(dataset, mode, size, tmp_path):
    source, module = exported(dataset, tmp_path)
    path, view = painted(mode, size, tmp_path), View.of_source(source)
    with Image.open(path) as image:
        found = module.preprocess(image).numpy()[0]
    levels = np.abs(found - view(read_image(path))) * np.array(view.std)[:, None, None]
    assert found.shape == (3, view.size, view.size) and levels.max() < 2.01
    assert levels.mean() < 0.3


@needs_torch
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_on_white_for_masks_too(mode, tmp_path):
    import torch

    source, module = exported("masks", tmp_path)
    path = painted(mode, (40, 24), tmp_path)
    expected = WholeView.of_network(source.model, source.kwargs)(read_image(path))
    seen = []

    def net(data):
        seen.append(data)
        return torch.zeros(1, 10, *data.shape[2:])

    net.stride = 8
    with Image.open(path) as image:
        assert module.segment(net, image).shape == (24, 40)
    assert np.abs(seen[0].numpy()[0] - expected).max() * max(source.std) < 1.01


NAMES = ["😀 face", "naïve", 'a "b"', "it's", "back\\slash", "a\u202eb", "\U00020000", *"xyz"]


def test_names_of_classes_are_what_they_were(tmp_path):
    source = described("cifar10", tmp_path, class_names=NAMES)
    (tmp_path / "it.py").write_text(torch_source(source), encoding="utf-8")
    tree = ast.parse((tmp_path / "it.py").read_bytes())
    found = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "CLASS_NAMES"
    )
    assert list(found) == NAMES
    assert max(map(len, (tmp_path / "it.py").read_text("utf-8").splitlines())) <= 100


@pytest.mark.parametrize(
    "name, expected",
    [
        ("2024-run", "net_2024_run"),
        ("7 of 9.x", "net_7_of_9_x"),
        ("my-digits", "my_digits"),
        ("½", "net_½"),
    ],
)
def test_files_have_names_that_python_can_import(name, expected):
    source = describe_source(name, "cifar_resnet8_askc", {"classes": 10, "fusion": "Add"}, "")
    assert source.name == expected
