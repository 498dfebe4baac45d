"""Runs on a part of the training images: which, of each class alike, and what stays as it is."""

import mxnet as mx
import numpy as np
import pytest

from aff.data.datasets.base import drawn
from aff.training.process_group import ProcessGroup
from aff.training.sources import open_source

from .conftest import config_of, lines_of, train


@pytest.fixture
def loaded(data, records, masked):
    """A function that opens the data of a run, by its kind."""
    flags = {
        "memory": ("cifar", "--dataset digits"),
        "folders": ("imagenet", f"--num-gpus 0 --data-dir {data} --input-size 32"),
        "records": ("imagenet", f"--num-gpus 0 {records} --input-size 32"),
        "masks": ("segmentation", f"--data-dir {masked} --crop-size 16 --scale 1 1"),
    }

    def load(which, more, batch_size=2):
        kind, own = flags[which]
        argv = f"{own} --batch-size {batch_size} --seed 3 {more}".split()
        config = config_of(kind, argv)
        source = open_source(config)
        config = config.for_classes(source.classes)
        return source.load(config, [mx.cpu()], ProcessGroup())

    return load


def images_of(loader, count):
    """The contents of so many training images, each with its label."""
    found = [loader.original(index)[1:] for index in range(count)]
    return {(pixels.tobytes(), np.asarray(label).tobytes()) for pixels, label in found}


@pytest.mark.parametrize(
    "which, whole, part",
    [("memory", 1438, 719), ("folders", 9, 5), ("records", 9, 5), ("masks", 8, 4)],
)
def test_a_run_takes_its_part_of_the_training_images_alone(loaded, which, whole, part):
    every, half = loaded(which, ""), loaded(which, "--train-fraction 0.5")
    other = loaded(which, "--train-fraction 0.5 --seed 6")
    counts = [len(found.train.order(0)) for found in (every, half, other)]
    assert counts[0] == whole and abs(counts[1] - part) <= 5 and counts[1] == counts[2]
    chosen, others = (images_of(found.train, counts[1]) for found in (half, other))
    assert chosen < images_of(every.train, whole)
    assert chosen != others
    assert "drawn by seed 3" in half.description
    for name, batches in every.evals.items():
        assert half.evals[name].samples_of_all == batches.samples_of_all


def test_what_is_held_out_is_so_of_all_images(loaded):
    """The same are held out, and none of them is trained on."""
    every, tenth = (
        loaded("memory", f"--val-split 0.2 {more}") for more in ("", "--train-fraction 0.1")
    )
    assert every.facts["sums"]["val"] == tenth.facts["sums"]["val"]
    assert images_of(tenth.train, 115) < images_of(every.train, 1151)


def test_of_each_class_there_is_at_least_one():
    labels = np.repeat([0, 1, 2], [1000, 100, 3])
    chosen, told = drawn(labels, 0.01, 5)
    assert np.bincount(labels[chosen]).tolist() == [10, 1, 1]
    assert told == "12 of 1,103 drawn by seed 5"


def test_a_run_says_so_and_does_not_go_on_with_another_part(elsewhere, capsys):
    flags = "--dataset digits --blocks 1 --channel-times 1 --cpus 1 --batch-size 20 --no-mixup"
    command = f"{flags} --train-fraction 0.1 --save-dir run --resume auto --num-epochs"
    assert train(command, 1) == 0
    (data,) = lines_of(capsys.readouterr().out, "data")
    assert "143 train" in data and "143 of 1,438 drawn by seed 0" in data
    assert train(command.replace("0.1", "0.2"), 2) == 2
    assert "train_fraction" in capsys.readouterr().err
    assert train(f"{flags} --train-fraction 0.01") == 2
    assert "lower --batch-size" in capsys.readouterr().err
    for wrong in ("0", "1.1", "x"):
        with pytest.raises(SystemExit) as error:
            train(f"{flags} --train-fraction {wrong}")
        assert error.value.code == 2
