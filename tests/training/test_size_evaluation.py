"""Scores by size: parts of the pixels, whose counts add up to those of all."""

import mxnet as mx
import numpy as np
import pytest

from aff.data.mask_file import IGNORED
from aff.data.mask_folders import mask_parts
from aff.data.mask_loader import MaskEvalLoader
from aff.data.scene_sizes import find_size_maps
from aff.training.pixel_evaluation import evaluate_pixels
from aff.training.size_evaluation import SizeCollector

from ..data.masked import write_scenes

CLASSES = 11


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, train=7, test=1, size=40)
    return mask_parts(str(folder))["train"]


def guess(x):
    """A network that is right now and then: it says the class that an image's red has by tens."""
    taken = (x[:, :1] * 40).floor() % CLASSES
    return -(taken - mx.nd.arange(CLASSES).reshape((1, -1, 1, 1))).abs()


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("stride", [1, 16])
def test_iou_near_items_of_a_size(masks, batch_size, stride):
    batches = MaskEvalLoader(masks, batch_size, stride)
    maps = find_size_maps(masks)
    sizes, seen = SizeCollector(batches, maps, CLASSES), []
    evaluation = evaluate_pixels(
        guess,
        batches,
        [mx.cpu()],
        observe=lambda found, labels: (sizes(found, labels), seen.append((found, labels))),
    )
    np.testing.assert_array_equal(sum(sizes.counts.values()), evaluation.counts)
    height, width = masks.sizes[0]
    found = np.concatenate([found for found, _ in seen])[:, :height, :width]
    labels = np.concatenate([labels for _, labels in seen])[:, :height, :width]
    sides = np.stack([maps.sides(index) for index in range(len(masks))])
    low, high = maps.bounds
    parts = {
        "small": sides < low,
        "middle": (sides >= low) & (sides < high),
        "large": sides >= high,
    }
    assert list(sizes.results) == list(parts)
    for name, chosen in parts.items():
        result = sizes.results[name]
        assert result.samples == len(masks)
        assert result.pixels == chosen.sum() == (chosen & (labels != IGNORED)).sum()
        expected = []
        for label in range(CLASSES):
            own, taken = chosen & (labels == label), chosen & (found == label)
            union = (own | taken).sum()
            expected.append((own & taken).sum() / union if union else np.nan)
        np.testing.assert_allclose(result.class_iou, expected)
        assert result.miou == pytest.approx(np.nanmean(expected))
        assert 0 < result.miou < 1
