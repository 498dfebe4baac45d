"""Every recipe puts two batches through the whole path, as ``aff train NAME --smoke``: its own
flags, but for the devices, the sizes, and data that the test makes; and for the learning rate of
those without a warm-up, two steps of which may blow up an untrained network, or not, by rounding.
"""

import numpy as np
import pytest

from aff.cli.common.training import call_of
from aff.cli.main import main
from aff.nn.fusion import fusion_names
from aff.paper.recipes import RECIPES

from ..conftest import write_cifar, write_idx

IMAGENET = "--num-gpus 0 --dtype float32 --input-size 64 --batch-size 4 -j 2 --smoke"
CIFAR = "--gpus= --batch-size 4 --lr 0.001 -j 2 --smoke"
#: The others are slow; what the published commands of ImageNet train, test_train_imagenet.py does.
QUICK = ("fashion_mnist_aff_resnet8",)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Folders of the small data sets in their formats."""
    root = tmp_path_factory.mktemp("images")
    for name in ("cifar10", "cifar100"):
        write_cifar(root / name, name, train=8, test=3)
    (root / "fashion-mnist").mkdir()
    for part, count in (("train", 100), ("t10k", 3)):
        values = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
        write_idx(root / "fashion-mnist" / f"{part}-images-idx3-ubyte", values)
        write_idx(root / "fashion-mnist" / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return root


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, marks=[] if recipe.name in QUICK else [pytest.mark.slow])
        for recipe in RECIPES.values()
    ],
    ids=lambda recipe: recipe.name,
)
def test_it_runs(recipe, images, records, capsys, elsewhere):
    dataset = recipe.record.dataset
    flags = f"{IMAGENET} {records}" if dataset == "imagenet" else CIFAR
    data = [] if dataset == "imagenet" else ["--data-dir", str(images / dataset)]
    assert main(["train", recipe.name, *flags.split(), *data]) == 0
    finished = capsys.readouterr()
    script = recipe.command.split()[0]
    assert finished.out.startswith(f"{call_of(script)} --")
    assert "smoke run: passed" in finished.out
    assert f"fusion {fusion_names(recipe.record.kwargs['fusion'])}" in finished.out
    if recipe.record.label_set:
        assert f"cifar100 ({recipe.record.label_set} labels)" in finished.out
