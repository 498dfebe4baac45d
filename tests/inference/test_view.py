"""What images become: those of the set's own size what evaluation makes of them, bit for bit."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aff.data.datasets import find_dataset, load_dataset
from aff.data.image_file import read_image
from aff.data.image_loader import ImageEvalLoader
from aff.data.images import FolderImages
from aff.data.loader import EvalLoader
from aff.export.source import InputSettings, describe_source
from aff.inference.view import View
from aff.utils.json_file import typed

from ..conftest import PHOTOGRAPH, write_cifar


def view_for(dataset, **settings):
    """The view of a network for a data set."""
    record = find_dataset(dataset)
    model = {"cifar": "cifar_resnet8_askc", "imagenet": "resnet50_v1b_askc"}[record.kind]
    return View.of_source(
        describe_source("it", model, {"classes": record.classes}, "", dataset, **settings)
    )


@pytest.mark.parametrize("name", ["digits", "cifar10", "cifar100"])
def test_test_images_are_what_the_evaluation_loader_gives(name, tmp_path):
    folder = None
    if name != "digits":
        write_cifar(tmp_path, name, train=4, test=9)
        folder = str(tmp_path)
    data = load_dataset(name, folder)
    expected, _ = next(iter(EvalLoader(data, data.test, 9)))
    view = view_for(name)
    for number, image in enumerate(data.test.images[:9]):
        path = tmp_path / f"{number}.png"
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(path)
        np.testing.assert_array_equal(view(read_image(str(path))), expected[number])


def test_photographs_are_what_the_evaluation_loader_gives(tmp_path):
    (tmp_path / "val" / "person").mkdir(parents=True)
    Image.open(PHOTOGRAPH).save(tmp_path / "val" / "person" / "it.png")
    images = FolderImages(str(tmp_path))
    for size, ratio in ((224, 0.875), (96, 0.8)):
        expected, _ = next(iter(ImageEvalLoader(images, 1, 1, size, ratio, 0)))
        view = view_for("imagenet", input_size=size, crop_ratio=ratio)
        found = view(read_image(str(tmp_path / "val" / "person" / "it.png")))
        np.testing.assert_array_equal(found, expected[0])
        assert found.dtype == np.float32 and found.flags["C_CONTIGUOUS"]


def test_a_larger_image_is_scaled_by_area_and_its_centre_taken():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    view = view_for("cifar10")
    means = pixels.reshape(32, 2, 48, 2, 3).mean((1, 3))[:, 8:40]
    found = view(pixels) * np.array(view.std)[:, None, None] + np.array(view.mean)[:, None, None]
    assert np.abs(found.transpose(1, 2, 0) - means).max() <= 0.51


def test_a_smaller_image_grows_bilinearly():
    grey = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    pixels = np.repeat(grey[..., None], 3, 2)
    view = view_for("digits")
    expected = np.asarray(Image.fromarray(grey.astype(np.float32)).resize((32, 32), Image.BILINEAR))
    found = view(pixels) * view.std[0] + view.mean[0]
    assert np.abs(found[1] - expected).max() <= 1


def test_colours_are_grey_to_a_grey_set():
    pixels = np.full((28, 28, 3), (200, 100, 50), np.uint8)
    view = view_for("fashion-mnist")
    found = view(pixels) * view.std[0] + view.mean[0]
    assert np.abs(found - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)).max() < 1
    assert found.shape == (3, 28, 28)


def test_an_exported_description_gives_the_same_view():
    for dataset in ("digits", "cifar10", "imagenet"):
        model = "resnet50_v1b_askc" if dataset == "imagenet" else "cifar_resnet8_askc"
        source = describe_source("it", model, {"classes": 10}, PHOTOGRAPH, dataset)
        told = typed(source.description()["input"], InputSettings, "it")
        assert View.of_input(told) == View.of_source(source)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    dataset=st.sampled_from(["digits", "cifar10", "imagenet"]),
)
def test_images_of_any_size_have_a_view(height, width, dataset):
    view = view_for(dataset)
    pixels = cv2.randu(np.empty((height, width, 3), np.uint8), 0, 256)
    found = view(pixels)
    assert found.shape == (3, view.size, view.size) and np.isfinite(found).all()
