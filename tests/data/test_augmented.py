"""CutMix, random erasing and RandAugment: formulas, distributions, purity, and off by default."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import aff
from aff.data import TrainLoader
from aff.data.augmented import Extras
from aff.data.erasing import AREA, ASPECT, erased_box, random_erasing
from aff.data.image_loader import ImageTrainLoader
from aff.data.images import FolderImages
from aff.data.mixup import cutmix
from aff.data.rand_augment import SPACE, rand_augment
from aff.training.batching import batch_arguments
from aff.training.config import TrainConfig
from aff.training.recipe_lines import recipe_lines

from ..cli.conftest import config_of
from .test_image_loader import folder  # noqa: F401

SIZE = 32


def batch(count=6, seed=0):
    """Images whose every value is their number, and their targets."""
    numbers = np.arange(count, dtype=np.float32)[:, None, None, None]
    return np.tile(numbers, (1, 3, 8, 8)), np.eye(count, dtype=np.float32)


@given(lam=st.floats(0, 1), seed=st.integers(0, 999), devices=st.sampled_from([1, 2, 3]))
def test_cutmix_mixes_targets_by_the_area(lam, seed, devices):
    data, targets = batch()
    found, mixed = cutmix(data, targets, lam, np.random.default_rng(seed), devices)
    share = 6 // devices
    for i in range(6):
        partner = i // share * share + share - 1 - i % share
        box = found[i] == partner if partner != i else np.zeros_like(found[i], bool)
        assert ((found[i] == i) | box).all()
        expected = np.zeros(6)
        expected[i] += 1 - box.mean()
        expected[partner] += box.mean()
        np.testing.assert_allclose(mixed[i], expected, atol=1e-6)
    assert mixed.dtype == found.dtype == np.float32


@given(seed=st.integers(0, 999), lam=st.floats(0, 1))
def test_the_box_is_timms(seed, lam):
    """`rand_bbox`: sides of sqrt(1 - lam), rounded down, about a centre that is drawn evenly."""
    found, _ = cutmix(*batch(2), lam, np.random.default_rng(seed))
    rng, side = np.random.default_rng(seed), int(8 * np.sqrt(1 - lam))
    (cy, cx), expected = (rng.integers(8) for _ in range(2)), np.zeros((8, 8), bool)
    expected[
        np.clip(cy - side // 2, 0, 8) : np.clip(cy + side // 2, 0, 8),
        np.clip(cx - side // 2, 0, 8) : np.clip(cx + side // 2, 0, 8),
    ] = True
    np.testing.assert_array_equal(found[0, 0] == 1, expected)


def test_boxes_to_erase_have_their_distribution():
    rng = np.random.default_rng(0)
    boxes = [erased_box(64, 64, rng) for _ in range(4000)]
    found = np.array([box for box in boxes if box])
    assert len(found) > 3950
    top, left, height, width = found.T
    assert (top >= 0).all() and (top + height <= 64).all() and (left + width <= 64).all()
    area, ratio = height * width / 64**2, height / width
    assert area.min() > AREA[0] * 0.8 and area.max() < AREA[1] * 1.05
    assert np.median(area) == pytest.approx(np.mean(AREA), abs=0.02)
    assert abs(np.log(ratio)).max() < np.log(ASPECT[1]) + 0.25
    assert np.mean(np.log(ratio)) == pytest.approx(0, abs=0.05)
    assert np.mean(top + height / 2) == pytest.approx(32, abs=1)


def test_erasing_happens_as_often_as_it_is_told():
    image = np.full((SIZE, SIZE, 3), 9, np.float32)
    rng = np.random.default_rng(0)
    results = [random_erasing(image, 0.3, rng) for _ in range(2000)]
    erased = [result for result in results if (result != 9).any()]
    assert len(erased) / 2000 == pytest.approx(0.3, abs=0.04)
    noise = np.concatenate([result[result != 9] for result in erased])
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.02)
    assert (image == 9).all()


def picture(seed=0):
    return np.random.default_rng(seed).integers(30, 200, (SIZE, SIZE, 3)).astype(np.uint8)


def test_the_space_is_the_papers():
    assert set(SPACE) == {
        *("Identity", "AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Posterize"),
        *("Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY"),
    }
    image = Image.fromarray(picture())
    for name, operation in SPACE.items():
        for level in range(11):
            assert operation(image, level, 1).size == image.size, name
    for name in ("Identity", "Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY", "Posterize"):
        np.testing.assert_array_equal(SPACE[name](image, 0, 1), picture(), err_msg=name)
    moved = np.asarray(SPACE["TranslateX"](image, 10, 1))
    distance = round(150 / 331 * SIZE)
    np.testing.assert_array_equal(moved[:, :-distance], picture()[:, distance:])
    assert not moved[:, -distance:].any()
    np.testing.assert_array_equal(SPACE["Posterize"](image, 10, 1), picture() & 0xF0)


def test_operations_are_drawn_evenly(monkeypatch):
    counts, signs = dict.fromkeys(SPACE, 0), []
    for name in SPACE:

        def count(image, level, sign, name=name):
            assert level == 7
            counts[name] += 1
            signs.append(sign)
            return image

        monkeypatch.setitem(SPACE, name, count)
    rng = np.random.default_rng(0)
    for _ in range(1400):
        rand_augment(picture(), 2, 7, rng)
    assert sum(counts.values()) == 2800
    assert all(abs(count - 200) < 60 for count in counts.values())
    assert np.mean(signs) == pytest.approx(0, abs=0.07)


ALL = Extras(rand_aug=(2, 9), erasing=0.5, cutmix_alpha=1.0, cutmix_prob=0.5)


def test_batches_are_functions_of_seed_epoch_and_number(tiny_data):
    def batches(workers, start=0, **settings):
        loader = TrainLoader(
            tiny_data, 6, 3, workers, mixup_alpha=1.0, mixup_until=2, extras=ALL, **settings
        )
        return list(loader.epoch(1, start))

    for one, other in zip(batches(0)[2:], batches(3, 2)):
        for part, same in zip(one, other):
            np.testing.assert_array_equal(part, same)
            assert part.dtype == np.float32


def test_images_of_files_are_too(folder):  # noqa: F811
    images = FolderImages(str(folder))

    def batches(workers, start=0, extras=ALL):
        loader = ImageTrainLoader(
            images, 2, 3, 3, 32, workers, mixup_until=2, smoothing=0.1, extras=extras
        )
        return list(loader.epoch(1, start))

    whole = batches(0)
    for one, other in zip(whole[1:], batches(3, 1)):
        for part, same in zip(one, other):
            np.testing.assert_array_equal(part, same)
    assert not np.array_equal(whole[0][0], batches(0, extras=Extras())[0][0])


@pytest.mark.parametrize("mixup, share", [(1.0, 0.25), (0.0, 1.0)])
def test_batches_are_mixed_as_often_as_told(tiny_data, monkeypatch, mixup, share):
    from aff.data import augmented

    names = []
    for name in ("cutmix", "mixup"):
        monkeypatch.setattr(
            augmented, name, lambda data, targets, *_, name=name: (names.append(name), data)[::-1]
        )
    loader = TrainLoader(
        *(tiny_data, 6, 0),
        mixup_alpha=mixup,
        mixup_until=100,
        extras=Extras(cutmix_alpha=1.0, cutmix_prob=0.25),
    )
    assert loader.soft_targets
    for epoch in range(100):
        list(loader.epoch(epoch))
    assert names.count("cutmix") / len(names) == pytest.approx(share, abs=0.08)
    done = len(names)
    list(loader.epoch(100))
    assert len(names) == done


def test_nothing_of_it_is_on(tiny_data):
    assert batch_arguments(TrainConfig(), 1)["extras"] == Extras([])
    usual, off = (
        TrainLoader(tiny_data, 6, 0, mixup_alpha=1.0, mixup_until=1, **more)
        for more in ({}, {"extras": Extras([])})
    )
    for one, other in zip(usual.epoch(0), off.epoch(0)):
        np.testing.assert_array_equal(one[0], other[0])


def test_cutmix_lasts_as_long_as_mixup_would():
    config = TrainConfig(mixup=False, cutmix_alpha=1.0)
    assert config.mixup_until == 380
    assert TrainConfig(mixup=False).mixup_until == 0
    [said] = recipe_lines(
        TrainConfig(mixup=False, cutmix_alpha=1.0, num_epochs=10, lr_mode="cosine")
    )
    assert said == "cutmix    off: all 10 epochs are among the last 20 ({mixup_off_epoch})"
    with pytest.raises(aff.InputError, match="auto_aug and rand_aug"):
        TrainConfig(auto_aug=True, rand_aug=[2, 9]).check()


@pytest.mark.parametrize("data", ["cifar", "imagenet"])
def test_both_scripts_take_it(data, capsys):
    dataset = ["--dataset", "digits"] if data == "cifar" else []
    text = "--rand-aug 2 9 --cutmix-alpha 1 --mixup-cutmix-prob 0.3 --random-erasing 0.25"
    flags = text.split()
    config = config_of(data, [*dataset, *flags])
    assert batch_arguments(config, 1)["extras"] == Extras([2, 9], 0.25, 1.0, 0.3)
    said = " ".join(recipe_lines(config))
    for part in ("2 operations an image at magnitude 9", "0.25", "cutmix"):
        assert part in said
    assert "2 operations" not in " ".join(recipe_lines(config_of(data, dataset)))
    for wrong in (["2"], ["2", "11"], ["0", "9"], ["x", "9"]):
        with pytest.raises(SystemExit):
            config_of(data, [*dataset, "--rand-aug", *wrong])
        assert "--rand-aug" in capsys.readouterr().err
