"""Batches of images and masks: pure functions of seed, epoch and index; every pixel once."""

import numpy as np
import pytest

from aff.data import mask_loader
from aff.data.loader import Shard
from aff.data.mask_file import IGNORED
from aff.data.mask_folders import mask_parts
from aff.data.mask_loader import MaskEvalLoader, MaskTrainLoader
from aff.data.transforms import MEAN, STD
from aff.utils.errors import InputError

from .masked import colours, write_masked


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked")
    pairs = write_masked(folder / "train", 11)
    write_masked(folder / "val", 2)
    return folder, list(pairs.values())


@pytest.fixture(scope="module")
def masks(written):
    return mask_parts(str(written[0]))["train"]


def train(masks, **options):
    settings = {"batch_size": 4, "seed": 3, "size": 32, "scale": (0.5, 2.0), **options}
    return MaskTrainLoader(masks, **settings)


def same(batches, others):
    batches, others = list(batches), list(others)
    assert len(batches) == len(others) > 0
    return all(np.array_equal(a, b) for one, two in zip(batches, others) for a, b in zip(one, two))


def test_training_batches_are_a_function_of_seed_epoch_and_index(masks):
    loader = train(masks)
    assert len(loader) == 2
    first = list(loader.epoch(0))
    assert [data.shape for data, _ in first] == [(4, 3, 32, 32)] * 2
    assert {data.dtype for data, _ in first} == {np.dtype(np.float32)}
    assert [labels.shape for _, labels in first] == [(4, 32, 32)] * 2
    assert same(first, train(masks, workers=3).epoch(0))
    assert same(first[1:], loader.epoch(0, 1))
    assert not same(first, loader.epoch(1))
    assert not same(first, train(masks, seed=4).epoch(0))


def test_workers_share_each_batch(masks):
    halves = [train(masks, shard=Shard(rank, 2)).epoch(0) for rank in range(2)]
    joined = [tuple(np.concatenate(parts) for parts in zip(*shares)) for shares in zip(*halves)]
    assert same(joined, train(masks).epoch(0))


def test_an_unscaled_view_shows_each_pixel_with_its_label(masks):
    for data, labels in train(masks, scale=(1.0, 1.0)).epoch(0):
        inside = labels != IGNORED
        pixels = (data.transpose(0, 2, 3, 1) * STD + MEAN)[inside]
        np.testing.assert_allclose(pixels, colours(labels[inside]), atol=1e-3)
        assert not data.transpose(0, 2, 3, 1)[~inside].any()
        assert inside.any() and not inside.all()


def test_fewer_images_than_a_batch_are_refused(masks):
    with pytest.raises(InputError, match="batch_size"):
        train(masks, batch_size=12)
    assert len(train(masks, limit=1)) == 1


@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize("stride", [1, 8])
def test_evaluation_gives_every_pixel_of_every_image_once(written, masks, batch_size, stride):
    pairs = written[1]
    loader = MaskEvalLoader(masks, batch_size, stride, workers=2)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert sorted(i for batch in range(len(loader)) for i in loader.indices(batch)) == list(
        range(11)
    )
    for number, (data, labels) in enumerate(batches):
        assert data.shape == (len(labels), 3, *labels.shape[1:])
        assert not any(side % stride for side in labels.shape[1:])
        for image, found, index in zip(data, labels, loader.indices(number)):
            pixels, wanted = pairs[index]
            height, width = wanted.shape
            np.testing.assert_array_equal(found[:height, :width], wanted)
            expected = (pixels - MEAN) / STD
            np.testing.assert_array_equal(image[:, :height, :width], expected.transpose(2, 0, 1))
            outside = np.ones(found.shape, bool)
            outside[:height, :width] = False
            assert (found[outside] == IGNORED).all() and not image[:, outside].any()
            assert outside.sum() < stride * sum(found.shape)


def test_a_view_does_not_depend_on_the_images_beside_it(masks):
    alone = {
        int(index): arrays
        for batch, arrays in enumerate(MaskEvalLoader(masks, 1, 8))
        for index in MaskEvalLoader(masks, 1, 8).indices(batch)
    }
    loader = MaskEvalLoader(masks, 4, 8)
    for number, (data, _) in enumerate(loader):
        for image, index in zip(data, loader.indices(number)):
            np.testing.assert_array_equal(image, alone[index][0][0])


def test_large_images_share_a_batch_with_few(masks, monkeypatch):
    assert len(MaskEvalLoader(masks, 100, 8).indices(0)) > 2
    monkeypatch.setattr(mask_loader, "MAX_PIXELS", 2 * 24 * 32 + 1)
    loader = MaskEvalLoader(masks, 100, 8)
    counts = [len(loader.indices(batch)) for batch in range(len(loader))]
    assert sum(counts) == 11 and max(counts) == 2
    sizes = [data.shape[2] * data.shape[3] for data, _ in loader]
    assert all(count == 1 or count * size <= 2 * 24 * 32 + 1 for count, size in zip(counts, sizes))


def test_shards_share_the_images_and_limits_hold(masks):
    shards = [MaskEvalLoader(masks, 2, 8, shard=Shard(rank, 3)) for rank in range(3)]
    seen = [i for loader in shards for batch in range(len(loader)) for i in loader.indices(batch)]
    assert sorted(seen) == list(range(11))
    assert sum(loader.samples for loader in shards) == shards[0].samples_of_all == 11
    assert MaskEvalLoader(masks, 2, 8, limit=2).samples == 4
